// The number and the name of every message's kind, as docs/protocol.md lists them. Numbers are
// never given to another message.

#pragma once

#include <cstdint>

#include "wire/messages.h"

namespace leat::wire {

struct Kind {
  std::uint8_t number = 0;
  const char* name = "";
};

template <class T>
inline constexpr Kind kKind;

template <>
inline constexpr Kind kKind<NodeJoin>{1, "node-join"};
template <>
inline constexpr Kind kKind<NodeReport>{2, "node-report"};
template <>
inline constexpr Kind kKind<StageFailed>{3, "stage-failed"};
template <>
inline constexpr Kind kKind<NodeLeave>{4, "node-leave"};
template <>
inline constexpr Kind kKind<InletCredit>{5, "inlet-credit"};
template <>
inline constexpr Kind kKind<NodeLogs>{6, "node-logs"};

template <>
inline constexpr Kind kKind<NodeWelcome>{16, "node-welcome"};
template <>
inline constexpr Kind kKind<OpenInlet>{17, "open-inlet"};
template <>
inline constexpr Kind kKind<CloseInlet>{18, "close-inlet"};
template <>
inline constexpr Kind kKind<ResultsDone>{19, "results-done"};
template <>
inline constexpr Kind kKind<BrokerBeat>{20, "broker-beat"};
template <>
inline constexpr Kind kKind<Dismissed>{21, "dismissed"};
template <>
inline constexpr Kind kKind<LogsWanted>{22, "logs-wanted"};

template <>
inline constexpr Kind kKind<Lease>{32, "lease"};
template <>
inline constexpr Kind kKind<LeaseResult>{33, "lease-result"};

template <>
inline constexpr Kind kKind<Deploy>{48, "deploy"};
template <>
inline constexpr Kind kKind<OpenSession>{49, "open-session"};
template <>
inline constexpr Kind kKind<Submit>{50, "submit"};
template <>
inline constexpr Kind kKind<EndOfInput>{51, "end-of-input"};
template <>
inline constexpr Kind kKind<Taken>{52, "taken"};
template <>
inline constexpr Kind kKind<CloseSession>{53, "close-session"};
template <>
inline constexpr Kind kKind<StatusRequest>{54, "status-request"};
template <>
inline constexpr Kind kKind<Scale>{55, "scale"};
template <>
inline constexpr Kind kKind<Drain>{56, "drain"};
template <>
inline constexpr Kind kKind<Remove>{57, "remove"};
template <>
inline constexpr Kind kKind<LogsRequest>{58, "logs-request"};
template <>
inline constexpr Kind kKind<Describe>{59, "describe"};
template <>
inline constexpr Kind kKind<Pause>{60, "pause"};

template <>
inline constexpr Kind kKind<Deployed>{64, "deployed"};
template <>
inline constexpr Kind kKind<SessionState>{65, "session-state"};
template <>
inline constexpr Kind kKind<Delivery>{66, "delivery"};
template <>
inline constexpr Kind kKind<SessionFailed>{67, "session-failed"};
template <>
inline constexpr Kind kKind<Refused>{68, "refused"};
template <>
inline constexpr Kind kKind<Status>{69, "status"};
template <>
inline constexpr Kind kKind<Done>{70, "done"};
template <>
inline constexpr Kind kKind<Logs>{71, "logs"};
template <>
inline constexpr Kind kKind<Description>{72, "description"};

}  // namespace leat::wire
