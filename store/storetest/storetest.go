package storetest

import (
	"testing"

	"rostrum/store"
)

// Run runs the suite. open gives an empty, migrated store that belongs to the test it is given.
func Run(t *testing.T, open func(t testing.TB) *store.Store) {
	for _, c := range []struct {
		name string
		test func(t *testing.T, s *store.Store)
	}{
		{"apply: the way of a bid", wayOfABid},
		{"apply: the same batch twice", sameBatchTwice},
		{"apply: split anywhere", splitAnywhere},
		{"apply: duplicates move the offset", duplicatesMoveTheOffset},
		{"apply: nothing", nothingToApply},
		{"apply: many lots", manyLots},
		{"apply: effects on the lot", effects},
		{"apply: effects on several lots", effectsTogether},
		{"apply: two at once", twoAppliers},
		{"apply: shards apart", shardsApart},
		{"apply: fork", fork},
		{"apply: gap", gap},
		{"apply: orphan", orphan},
		{"apply: late consumer", lateConsumer},
		{"apply: cut while ahead", cutWhileAhead},
		{"apply: cut from the topic", cutFromTheTopic},
		{"apply: parked", parked},
		{"apply: redriven", redriven},
		{"apply: the last guard", lastGuard},
		{"apply: released once", releasedOnce},
		{"apply: release of nothing", releaseOfNothing},
		{"apply: timed out", timedOut},
		{"apply: released unmarked", releasedUnmarked},
		{"apply: random histories", randomHistories},
		{"journal: reading", storedJournal},
		{"shards: note of a gap", noteGapAfterwards},
		{"shards: accepted gap", acceptedGap},
		{"shards: rewind", rewind},
		{"shards: deployment", deployment},
		{"shards: cut", cut},
		{"shards: alive", alive},
		{"goods: round trip", itemRoundTrip},
		{"goods: faults", itemFaults},
		{"goods: many at once", manyItems},
		{"goods: withdrawn", itemWithdrawn},
		{"goods: state", itemState},
		{"goods: state when the session is over", itemStateLater},
		{"goods: lists", itemLists},
		{"goods: areas", areaNames},
		{"sessions: round trip", sessionRoundTrip},
		{"sessions: change", sessionChange},
		{"sessions: lots of a draft", lotsOfADraft},
		{"sessions: many lots at once", manyLotsOfADraft},
		{"sessions: publish", publishing},
		{"sessions: publish many", publishingMany},
		{"sessions: publish slices", publishingSlices},
		{"sessions: publish looks again", publishLooksAgain},
		{"sessions: publish against withdraw", publishAgainstWithdraw},
		{"sessions: publish a unit twice", publishAUnitTwice},
		{"sessions: lists", sessionLists},
		{"sessions: life", sessionLife},
		{"sessions: daily", dailySession},
		{"sessions: daily and not published", dailyDraft},
		{"sessions: prolonged", prolongedSession},
		{"sessions: daily and prolonged", dailyProlonged},
		{"sessions: daily and prolonged later", dailyRepeated},
		{"sessions: withdrawn", withdrawnSession},
		{"sessions: swept when settled", sweptWhenSettled},
		{"sessions: swept when cancelled", sweptWhenCancelled},
		{"sessions: swept when all is back", sweptWhenBack},
		{"sessions: withdrawn with something sold", withdrawnAndSold},
		{"accounts: users", users},
		{"accounts: many users", manyUsers},
		{"accounts: log-ins", logins},
		{"accounts: refreshed at once", refreshedAtOnce},
		{"accounts: audit", audit},
		{"orders: moves", orderMoves},
		{"orders: stale move", staleMove},
		{"orders: lists", orderLists},
		{"publishing: positions", published},
		{"counts", counting},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, open(t)) })
	}
}
