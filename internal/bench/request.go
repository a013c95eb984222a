package bench

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"strconv"

	"github.com/google/uuid"

	"rostrum/auction"
)

// wanted is what a bid needs to know of a lot; like members without pointers.
type wanted struct {
	id   [36]byte
	code [auction.CodeLength]byte
}

func wants(lots []auction.Lot) []wanted {
	all := make([]wanted, len(lots))
	for n, l := range lots {
		copy(all[n].id[:], l.ID.String())
		copy(all[n].code[:], l.Code)
	}
	return all
}

const (
	requestPath = "POST /api/v1/lots/"
	requestHead = "/bids HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nX-Real-IP: "
	tokenHead   = "\r\nAuthorization: Bearer "
	bodyID      = `{"bid_id":"`
	bodyCode    = `","code":"`
)

// requests writes bids, each with an id and from an address of its own, into one buffer. Both are cheap: the client shares
// the cores with what it measures. It plays a trusted proxy: bids from this machine's own address would not be limited.
type requests struct {
	end, length string // of every body; of all its bytes
	id          uuid.UUID
	count       uint32
	buffer      []byte
}

func newRequests() *requests {
	end := `","price_seen":` + strconv.Itoa(price) + `}`
	r := &requests{end: end, length: strconv.Itoa(len(bodyID) + 36 + len(bodyCode) + auction.CodeLength + len(end))}
	r.id = newID()
	_, _ = rand.Read(r.id[9:12]) // it does not fail
	return r
}

// next makes another id: of one source, told apart from other sources' by what is random in it.
func (r *requests) next() uuid.UUID {
	r.count++
	binary.BigEndian.PutUint32(r.id[12:], r.count)
	return r.id
}

// bid gives the next request, of whoever has the token, for a lot. It is overwritten by the one after it.
func (r *requests) bid(lot *wanted, token []byte) []byte {
	b := append(r.buffer[:0], requestPath...)
	b = append(b, lot.id[:]...)
	b = append(b, requestHead...)
	b = r.address(b)
	b = append(b, tokenHead...)
	b = append(b, token...)
	b = append(b, "\r\nContent-Length: "...)
	b = append(b, r.length...)
	b = append(b, "\r\n\r\n"...)
	b = append(b, bodyID...)
	b = appendID(b, r.next())
	b = append(b, bodyCode...)
	b = append(b, lot.code[:]...)
	r.buffer = append(b, r.end...)
	return r.buffer
}

// address appends whom the request is from: another one each time.
func (r *requests) address(b []byte) []byte {
	b = append(b, "10."...)
	b = strconv.AppendUint(b, uint64(r.id[9]), 10)
	b = append(b, '.')
	b = strconv.AppendUint(b, uint64(r.count>>8&0xff), 10)
	b = append(b, '.')
	return strconv.AppendUint(b, uint64(r.count&0xff), 10)
}

func appendID(b []byte, id uuid.UUID) []byte {
	for n, from := range []int{0, 4, 6, 8, 10} {
		if n > 0 {
			b = append(b, '-')
		}
		b = hex.AppendEncode(b, id[from:[]int{4, 6, 8, 10, 16}[n]])
	}
	return b
}

// page gives the request for the first lots of a session.
func (r *requests) page(session uuid.UUID, token []byte) []byte {
	b := append(r.buffer[:0], "GET /api/v1/sessions/"...)
	b = appendID(b, session)
	b = append(b, "/lots?limit="...)
	b = strconv.AppendInt(b, pageLots, 10)
	b = append(b, " HTTP/1.1\r\nHost: bench\r\nX-Real-IP: "...)
	b = r.address(b)
	b = append(b, tokenHead...)
	b = append(b, token...)
	r.buffer = append(b, "\r\n\r\n"...)
	return r.buffer
}
