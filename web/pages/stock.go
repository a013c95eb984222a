package pages

import (
	"net/http"
	"strconv"

	"github.com/google/uuid"

	"rostrum/accounts"
	"rostrum/auction"
	"rostrum/goods"
	"rostrum/internal/fault"
	"rostrum/web/api"
)

type itemsData struct {
	Items  []goods.Item
	Areas  []goods.Area
	Drafts []auction.Session // that an item can be put into
}

func (s *site) itemsView(r *request) (view, error) {
	var d itemsData
	var err error
	if d.Items, _, err = s.edge.ListItems(r.ctx, r.Who, goods.Filter{Withdrawn: true}, goods.Page{Limit: shown}); err != nil {
		return view{}, err
	}
	if d.Areas, err = s.edge.Areas(r.ctx); err != nil {
		return view{}, err
	}
	if accounts.Allowed(accounts.LotsAdd, r.Who.Roles) {
		f := auction.SessionFilter{State: auction.SessionDraft, Drafts: true}
		if d.Drafts, err = s.edge.ListSessions(r.ctx, r.Who, f, auction.Page{Limit: shown}); err != nil {
			return view{}, err
		}
	}
	return s.view(r, "Items", d), nil
}

func (s *site) items(r *request) error {
	v, err := s.itemsView(r)
	if err != nil {
		return err
	}
	return s.show(r, http.StatusOK, "items", v)
}

func (s *site) createItem(r *request) error {
	i := goods.Item{Number: r.form("number"), Name: r.form("name"), Description: r.form("description"), Currency: r.form("currency"),
		Area: r.form("area"), Auctionable: true}
	price, ok := minorOf(r.form("price"), i.Currency)
	err := error(fault.Wrong("price", "is not an amount", "send digits, and a point before the decimals, such as 45.00"))
	if ok {
		i.PriceMinor = price
		_, err = s.edge.CreateItem(r.ctx, r.Who, i)
	}
	return s.backToItems(r, err)
}

// backToItems leads back to the list, or shows it with what went wrong.
func (s *site) backToItems(r *request, err error) error {
	if err == nil {
		return r.c.Redirect("/items", http.StatusSeeOther)
	}
	v, viewErr := s.itemsView(r)
	if viewErr != nil {
		return viewErr
	}
	return s.again(r, "items", v, err)
}

func (s *site) withdrawItem(r *request) error {
	id, err := uuid.Parse(r.param("id"))
	rev, err2 := strconv.ParseInt(r.form("rev"), 10, 64)
	if err != nil || err2 != nil {
		return api.NewProblem("item_not_found", "")
	}
	_, err = s.edge.WithdrawItem(r.ctx, r.Who, id, rev)
	return s.backToItems(r, err)
}

func (s *site) addLot(r *request) error {
	item, err := uuid.Parse(r.param("id"))
	session, err2 := uuid.Parse(r.form("session"))
	if err != nil || err2 != nil {
		return s.backToItems(r, fault.Wrong("session", "is not a draft session", "choose one from the list"))
	}
	l := auction.Lot{Item: item}
	l.Stock, _ = strconv.ParseInt(r.form("stock"), 10, 64) // what is no number is 0, and CheckLot says so
	l.PerBuyer, _ = strconv.Atoi(r.form("per_buyer"))
	l.Slices, _ = strconv.Atoi(r.form("slices"))
	_, err = s.edge.AddLot(r.ctx, r.Who, session, l)
	return s.backToItems(r, err)
}
