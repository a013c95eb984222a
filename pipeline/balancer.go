package pipeline

import "github.com/segmentio/kafka-go"

// balancer shares the journal's partitions out in ranges, as the library's own does, but by the number that the deployment
// knows. The library asks a broker for the partitions, and one that has not heard of the topic yet makes it an assignment
// of nothing, which nobody looks at again: a worker that is up, healthy and idle for ever.
type balancer struct {
	kafka.RangeGroupBalancer
	topic  string
	shards int
}

// AssignGroups is the library's; what the broker said is left aside.
func (b balancer) AssignGroups(members []kafka.GroupMember, _ []kafka.Partition) kafka.GroupMemberAssignments {
	all := make([]kafka.Partition, b.shards)
	for k := range all {
		all[k] = kafka.Partition{Topic: b.topic, ID: k}
	}
	return b.RangeGroupBalancer.AssignGroups(members, all)
}
