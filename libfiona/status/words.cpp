// SPDX-License-Identifier: MIT
#include "libfiona/status/summary.h"

#include <sysexits.h>

#include <algorithm>
#include <array>
#include <functional>
#include <utility>

/// What the screen and the pages say in the same words.
namespace fiona::status {

std::string title_of(const store::RunName& name)
{
    auto title = name.tool;
    for (const auto& command : name.commands) {
        title += " " + command;
    }
    for (const auto& limit : {name.project, name.part}) {
        title += limit.empty() ? "" : " [" + limit + "]";
    }
    return title;
}

std::vector<std::string> frequent_reasons(const std::map<std::string, std::size_t>& failures,
                                          std::size_t most)
{
    std::vector<std::pair<std::size_t, std::string_view>> sorted;
    sorted.reserve(failures.size());
    for (const auto& [reason, count] : failures) {
        sorted.emplace_back(count, reason);
    }
    std::ranges::stable_sort(sorted, std::greater{},
                             &std::pair<std::size_t, std::string_view>::first);
    std::vector<std::string> lines;
    for (const auto& [count, reason] : sorted) {
        if (lines.size() == most) {
            lines.push_back(fmt::format("and {} more: fiona-status queue list --state failed",
                                        sorted.size() - most));
            break;
        }
        lines.push_back(fmt::format("{} x {}", count, reason));
    }
    return lines;
}

bool is_bad(const JobState& state)
{
    using State = store::KnownRun::State;
    const auto& run = state.run;
    if (state.is_overdue || !run || run->state != State::ended) {
        return state.is_overdue || (run && run->state == State::killed);
    }
    const auto code = run->last->exit_code;
    const bool is_own_verdict =
        state.job.name.tool == "fiona-status" && code >= 0 && code < EX__BASE;
    return code != EX_OK && code != EX_TEMPFAIL && !is_own_verdict;
}

std::string age_text(Clock::duration age)
{
    const auto seconds =
        std::max<std::int64_t>(0, std::chrono::floor<std::chrono::seconds>(age).count());
    constexpr std::array<std::pair<std::int64_t, std::string_view>, 4> units{
        {{2 * 86400, "d"}, {2 * 3600, "h"}, {2 * 60, "min"}, {0, "s"}}};
    for (const auto& [least, unit] : units) {
        if (seconds >= least) {
            return fmt::format("{} {}", least == 0 ? seconds : seconds / (least / 2), unit);
        }
    }
    return {};
}

std::string bytes_text(std::uint64_t bytes)
{
    constexpr std::array<std::string_view, 6> units{"B", "kB", "MB", "GB", "TB", "PB"};
    auto value = static_cast<double>(bytes);
    std::size_t unit = 0;
    while (value >= 999.5 && unit + 1 < units.size()) {
        value /= 1000;
        ++unit;
    }
    return value < 10 && unit > 0 ? fmt::format("{:.1f} {}", value, units.at(unit))
                                  : fmt::format("{:.0f} {}", value, units.at(unit));
}

} // namespace fiona::status
