// Every message that processes exchange, as values. docs/protocol.md tells their meaning for who
// writes a client in another language; wire/codec.h turns them into frames and back.

#pragma once

#include <variant>

#include "wire/messages_client.h"
#include "wire/messages_node.h"

namespace leat::wire {

using Message =
    std::variant<NodeJoin, NodeReport, InletCredit, StageFailed, NodeLeave, NodeLogs, NodeWelcome,
                 OpenInlet, CloseInlet, ResultsDone, BrokerBeat, Dismissed, LogsWanted, Lease,
                 LeaseResult, Deploy, OpenSession, Submit, EndOfInput, Taken, CloseSession,
                 StatusRequest, Describe, Scale, Drain, Remove, LogsRequest, Pause, Deployed,
                 Description, SessionState, Delivery, SessionFailed, Refused, Status, Done, Logs>;

}  // namespace leat::wire
