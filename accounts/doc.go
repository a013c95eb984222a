// Package accounts says who somebody is and what they may do.
//
// A person registers with a login and a password and gets a User with a set of Roles and one sales area. Logging in
// opens a LoginSession and answers with two things: an access token, which every node verifies by itself in a few
// microseconds without a database (Keys, Mint, Verify), and a refresh token, which is good for one use and buys the next
// pair (Service.Refresh). An access token cannot be called back, so it lives for minutes; what can be ended is the login
// session behind it. A refresh token shown twice means that two parties hold it: the whole session is revoked.
//
//	register ─▶ User ──log in──▶ LoginSession ──refresh──▶ LoginSession (next secret) ──log out, theft, expiry──▶ over
//	                     │                         │
//	                     └─▶ access token (15 min) └─▶ access token (15 min)
//
// What a role may do stands in one table (Allowed), used by every route and every test of one.
//
// The package is pure: time and randomness come in through Service, storage through the ports Users and Audit.
package accounts
