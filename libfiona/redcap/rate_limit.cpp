// SPDX-License-Identifier: MIT
#include "libfiona/redcap/rate_limit.h"

#include "libfiona/redcap/shared_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace fiona::redcap {

using std::chrono::milliseconds;

namespace {

constexpr milliseconds minute{60'000};
/// Nobody is kept waiting for longer by what a clock, set back since, or a server says.
constexpr milliseconds longest_silence{std::chrono::hours{1}};

/// The generic cell rate algorithm: the time at which an even stream of calls would come to the
/// next one. Whoever is not further ahead of the stream than a burst may call.
struct State {
    milliseconds next{0};  ///< since 1970
    milliseconds quiet{0}; ///< no calls before
};

State parse(const std::string& text)
{
    std::int64_t next = 0;
    std::int64_t quiet = 0;
    const auto* const last = text.data() + text.size();
    const auto first = std::from_chars(text.data(), last, next);
    if (first.ec != std::errc{} || first.ptr == last
        || std::from_chars(first.ptr + 1, last, quiet).ec != std::errc{}) {
        return {};
    }
    return {milliseconds{next}, milliseconds{quiet}};
}

void save(const SharedText& file, const State& state)
{
    file.write(fmt::format("{} {}\n", state.next.count(), state.quiet.count()));
}

milliseconds since_1970(TimePoint now)
{
    return std::chrono::duration_cast<milliseconds>(now.time_since_epoch());
}

} // namespace

RateLimit::RateLimit(const std::filesystem::path& state_dir, unsigned per_minute)
    : m_file{state_dir.empty() || per_minute == 0 ? std::filesystem::path{}
                                                  : state_dir / "redcap-rate"},
      m_per_minute{per_minute}
{
}

std::optional<milliseconds> RateLimit::take(TimePoint now, milliseconds patience) const
{
    if (m_file.empty()) {
        return milliseconds{0};
    }
    const SharedText file{m_file};
    auto state = parse(file.read());
    const auto present = since_1970(now);
    const unsigned burst = std::max(1U, m_per_minute / 5);
    const auto even = std::max(1U, m_per_minute - m_per_minute / 5);
    const milliseconds step{(minute.count() + even - 1) / even};
    if (state.next > present + longest_silence) {
        state.next = present;
    }
    if (state.quiet > present + longest_silence) {
        state.quiet = present;
    }
    const auto stream = std::max(state.next, present);
    const auto wait =
        std::max({milliseconds{0}, stream - step * (burst - 1) - present, state.quiet - present});
    if (wait > patience) {
        return std::nullopt;
    }
    state.next = stream + step;
    save(file, state);
    return wait;
}

void RateLimit::hold(TimePoint now, std::chrono::seconds silence) const
{
    if (m_file.empty()) {
        return;
    }
    const SharedText file{m_file};
    auto state = parse(file.read());
    const auto until = since_1970(now) + std::min(milliseconds{silence}, longest_silence);
    state.quiet = std::max(state.quiet, until);
    save(file, state);
}

} // namespace fiona::redcap
