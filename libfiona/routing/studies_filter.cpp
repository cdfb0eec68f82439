// SPDX-License-Identifier: MIT
#include "libfiona/routing/studies_filter.h"

#include "libfiona/base/error.h"

#include <fmt/ranges.h>

#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace fiona::routing {

namespace {

constexpr std::array<std::string_view, 14> known_keys{
    "study",       "arrived", "caller",       "called", "modalities", "description", "accession",
    "institution", "station", "manufacturer", "model",  "date",       "time",        "state"};

} // namespace

StudyFilter::StudyFilter(std::string_view text)
{
    const auto at = text.find('~');
    if (at == std::string_view::npos) {
        throw Error{Fault::usage, "--filter needs KEY~REGEX, e.g. modalities~MR"};
    }
    m_key = text.substr(0, at);
    if (std::ranges::find(known_keys, m_key) == known_keys.end()) {
        throw Error{Fault::usage, "--filter: no such key; one of {}", keys()};
    }
    const auto pattern = text.substr(at + 1);
    re2::RE2::Options options;
    options.set_log_errors(false);
    m_expression =
        std::make_shared<const re2::RE2>(re2::StringPiece{pattern.data(), pattern.size()}, options);
    if (!m_expression->ok()) {
        throw Error{Fault::usage, "--filter {}: no regular expression (RE2): {}", m_key,
                    m_expression->error()};
    }
}

bool StudyFilter::matches(std::string_view value) const
{
    return re2::RE2::PartialMatch(re2::StringPiece{value.data(), value.size()}, *m_expression);
}

std::string StudyFilter::keys()
{
    return fmt::format("{}", fmt::join(known_keys, ", "));
}

std::chrono::seconds parse_duration(std::string_view text)
{
    constexpr std::int64_t most =
        100'000; // of any unit: no overflow, and nobody looks back further
    std::int64_t count = -1;
    const auto* const last = text.data() + text.size();
    const auto [end, problem] = std::from_chars(text.data(), last, count);
    if (problem == std::errc{} && count >= 0 && count <= most && end + 1 == last) {
        switch (*end) {
        case 's': return std::chrono::seconds{count};
        case 'm': return std::chrono::minutes{count};
        case 'h': return std::chrono::hours{count};
        case 'd': return std::chrono::days{count};
        case 'w': return std::chrono::days{7 * count};
        default: break;
        }
    }
    throw Error{Fault::usage, "a duration is a number and s, m, h, d or w, e.g. 7d"};
}

} // namespace fiona::routing
