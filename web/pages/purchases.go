package pages

import (
	"net/http"

	"rostrum/accounts"
	"rostrum/orders"
	"rostrum/web/api"
)

type ordersData struct {
	Bought, Sold   []orders.Order
	Buyer, Seller  bool
	PendingPayment orders.State
	Paid, Shipping orders.State
}

func (s *site) orders(r *request) error {
	d := ordersData{Buyer: accounts.Allowed(accounts.OrdersListOwn, r.Who.Roles), Seller: accounts.Allowed(accounts.OrdersListSold, r.Who.Roles),
		PendingPayment: orders.PendingPayment, Paid: orders.Paid, Shipping: orders.Shipping}
	var err error
	if d.Buyer {
		if d.Bought, err = s.edge.Bought(r.ctx, r.Who, orders.Filter{}, orders.Page{Limit: shown}); err != nil {
			return err
		}
	}
	if d.Seller {
		if d.Sold, err = s.edge.Sold(r.ctx, r.Who, orders.Filter{}, orders.Page{Limit: shown}); err != nil {
			return err
		}
	}
	return s.show(r, http.StatusOK, "orders", s.view(r, "Orders", d))
}

func (s *site) pay(r *request) error      { return s.move(r, orders.Pay, orders.Details{}) }
func (s *site) complete(r *request) error { return s.move(r, orders.Complete, orders.Details{}) }
func (s *site) cancel(r *request) error {
	return s.move(r, orders.Cancel, orders.Details{Reason: "cancelled on the page of orders"})
}
func (s *site) ship(r *request) error {
	return s.move(r, orders.Ship, orders.Details{Express: r.form("express")})
}

func (s *site) move(r *request, a orders.Action, d orders.Details) error {
	id, ok := orders.ParseSerial(r.param("id"))
	if !ok {
		return api.NewProblem("order_not_found", "")
	}
	if _, err := s.edge.Move(r.ctx, r.Who, id, a, d); err != nil {
		return err
	}
	return r.c.Redirect("/orders", http.StatusSeeOther)
}
