// The line with which a user does by hand what a tool failed at: the tool's command, in its folder,
// given the same bytes in the same way. It goes with the dead letter.
//
// The environment is only what the stage adds to the node's; limits, user and terminal are not in
// it.

#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "core/bytes.h"
#include "node/tool_events.h"
#include "node/window_queue.h"
#include "node/work_queue.h"
#include "spec/pipeline_spec.h"

namespace leat::node {

// Up to here what the tool was given stands in the line. Of more the line takes the record out of
// the dead letter, which it reads on standard input: with jq, and base64 where it is no UTF-8.
inline constexpr std::size_t kRepeatedBytesMax = std::size_t{4} << 10;
// A longer line would be no help, and there is none.
inline constexpr std::size_t kRepeatLineMax = std::size_t{32} << 10;

// What the tool was given in `order`'s process. Empty where no line would do the same.
[[nodiscard]] std::string repeat_line(const StartTool& order, const Portion& record,
                                      const spec::Stage& stage);
[[nodiscard]] std::string repeat_line(const StartTool& order, const WindowWork& window,
                                      const framing::Framing& input);

// The same for a tool whose record is in its command, or in `order.file`: its input is empty.
[[nodiscard]] std::string repeat_line_with_argument(const StartTool& order);

// What a shell's printf prints these bytes for, quotes included.
[[nodiscard]] std::string printf_format(std::string_view bytes);

}  // namespace leat::node
