// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/dates.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fiona::status {

/// One station on the road of a study.
struct Step {
    enum class State {
        done,
        active,  ///< something works on it now
        waiting, ///< the next run of some tool takes it
        blocked, ///< a person has to act
        unknown  ///< could not be asked
    };

    std::string name;
    State state = State::done;
    std::string since; ///< local time, `YYYY-MM-DD HH:MM`; "" if unknown
    std::string detail;
    std::string next; ///< what happens next, or what to do; "" when done
};

[[nodiscard]] constexpr std::string_view state_name(Step::State state)
{
    using enum Step::State;
    return state == done      ? "done"
           : state == active  ? "active"
           : state == waiting ? "waiting"
           : state == blocked ? "BLOCKED"
                              : "unknown";
}

} // namespace fiona::status
