// Package auctiontest holds twins of the ports in memory: small enough to be read, strict enough to be believed. Tests of
// whoever stands on a port use them where the real one would only be slow; the ports' own suites run on the real ones.
package auctiontest
