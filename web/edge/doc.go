// Package edge is what people may do, without the form in which they ask for it: the JSON of web/api and the pages of
// web/pages are two doors to the same room.
//
// A wish comes in with the claims of who has it. Whether somebody with these roles may try at all was decided by the
// route's row (accounts.Allowed); whose thing it is, is decided here. Then the pure packages say what is wrong with it,
// all at once, and a port is asked to do it. Everything that goes wrong is a fault.Error, or for a bid a *Refusal; a
// status appears nowhere in this package.
//
//	claims ─▶ own thing? ─▶ goods.Check, auction.CheckLot, orders.Move … ─▶ port
//	                                       bid: limit ─▶ card ─▶ over? ─▶ gate ─▶ receipt or Refusal
package edge
