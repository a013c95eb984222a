package api

import (
	"context"

	"github.com/google/uuid"

	"rostrum/web/edge"
)

type pipelineOut struct {
	Now        Time       `json:"now"`
	Deployment uuid.UUID  `json:"deployment" format:"uuid"`
	Topic      string     `json:"topic"`
	Group      string     `json:"group"`
	Lag        int64      `json:"lag" doc:"Over all partitions in which the group has committed something"`
	Journal    int64      `json:"journal" doc:"Records in all journals"`
	Parked     int64      `json:"parked" doc:"Messages that are no records, and records stored without effect, that wait for somebody"`
	Orphans    int64      `json:"orphans" doc:"Records of an epoch that had ended"`
	Troubles   int        `json:"troubles" doc:"Shards that are halted, not vouched for, or cannot be read in full"`
	Shards     []shardOut `json:"shards" nullable:"false"`
}

type shardOut struct {
	Shard        int      `json:"shard" doc:"And partition"`
	State        string   `json:"state" doc:"vouched, unvouched, halted or unreadable (in part)"`
	Trouble      string   `json:"trouble,omitempty" doc:"Why it is halted, and why a part could not be read"`
	Unread       []string `json:"unread,omitempty" doc:"Parts that could not be read, whose numbers are not known: gate (epoch to journal_oldest), kafka (end to lag), mysql (applied_epoch to gap_since)"`
	Epoch        int64    `json:"epoch"`
	Seq          int64    `json:"seq" doc:"The last decided"`
	JournalSize  int64    `json:"journal" doc:"Records that the journal holds"`
	JournalOld   Time     `json:"journal_oldest" doc:"Decision time of the oldest record not yet relayed"`
	End          int64    `json:"end" doc:"The partition's next offset"`
	Committed    int64    `json:"committed" doc:"The group's offset; -1 for none"`
	Lag          int64    `json:"lag" doc:"End less committed, as Kafka's own tools count it; -1 where nothing is committed"`
	AppliedEpoch int64    `json:"applied_epoch"`
	AppliedSeq   int64    `json:"applied_seq" doc:"The last in the database"`
	NextOffset   int64    `json:"next_offset" doc:"Where the database wants to read on"`
	GapSeq       int64    `json:"gap_seq,omitempty" doc:"What it waits for"`
	GapSince     Time     `json:"gap_since,omitzero"`
}

func (a *API) ops() {
	register(a, "ops-pipeline", func(ctx context.Context, _ *nothing) (*one[pipelineOut], error) {
		s, err := a.Edge.Pipeline.State(ctx)
		if err != nil {
			return nil, err
		}
		return &one[pipelineOut]{viewPipeline(s)}, nil
	})
}

func viewPipeline(s edge.PipelineState) pipelineOut {
	out := pipelineOut{Now: Time(s.AtUS), Deployment: s.Deployment.ID, Topic: s.Topic, Group: s.Group, Lag: s.Lag, Parked: s.Parked, Orphans: s.Orphans,
		Shards: make([]shardOut, 0, len(s.Shards))}
	for _, sh := range s.Shards {
		out.Journal += sh.Journal.Length
		if sh.State() != edge.ShardVouched {
			out.Troubles++
		}
		out.Shards = append(out.Shards, shardOut{sh.Shard, sh.State(), sh.Trouble(), sh.Unread.Parts(), sh.Vouch.Epoch, sh.Vouch.Seq, sh.Journal.Length, Time(sh.Journal.OldestUS),
			sh.End, sh.Committed, sh.Lag, sh.Position.Epoch, sh.Position.Seq, sh.Position.NextOffset, sh.Position.GapSeq, Time(sh.Position.GapSinceUS)})
	}
	return out
}
