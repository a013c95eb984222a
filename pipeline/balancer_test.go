package pipeline

import (
	"testing"

	"github.com/segmentio/kafka-go"
)

// TestAllPartitionsAreAssigned: on three brokers a group was formed by way of one that had not heard of the topic, and its
// member was assigned nothing for good.
func TestAllPartitionsAreAssigned(t *testing.T) {
	b := balancer{topic: "journal", shards: 16}
	members := []kafka.GroupMember{{ID: "a", Topics: []string{"journal"}}, {ID: "b", Topics: []string{"journal"}}, {ID: "c", Topics: []string{"journal"}}}
	partial := []kafka.Partition{{Topic: "journal", ID: 3}}
	for n := 1; n <= len(members); n++ {
		for _, told := range [][]kafka.Partition{nil, partial} {
			owner := map[int]string{}
			for member, topics := range b.AssignGroups(members[:n], told) {
				if share := len(topics["journal"]); share < 16/n || share > 16/n+1 {
					t.Errorf("%d members: %s has %d of 16", n, member, share)
				}
				for _, k := range topics["journal"] {
					if owner[k] != "" {
						t.Errorf("%d members: %d belongs to %s and %s", n, k, owner[k], member)
					}
					owner[k] = member
				}
			}
			if len(owner) != 16 {
				t.Errorf("%d members, told of %v: %d of 16 assigned", n, told, len(owner))
			}
		}
	}
	if b.ProtocolName() != "range" {
		t.Errorf("the protocol is %s: members of other versions could not agree", b.ProtocolName())
	}
}
