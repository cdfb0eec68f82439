// SPDX-License-Identifier: MIT
#include "libfiona/csa/protocol.h"

#include "libfiona/base/text.h"
#include "libfiona/csa/header.h"

#include <algorithm>

namespace fiona::csa {

namespace {

constexpr std::string_view begin_mark = "### ASCCONV BEGIN";
constexpr std::string_view end_mark = "### ASCCONV END ###";

/// Taken off the front of `text`.
std::string_view next_line(std::string_view& text)
{
    const auto end = std::min(text.size(), text.find('\n'));
    const auto line = text.substr(0, end);
    text.remove_prefix(std::min(text.size(), end + 1));
    return line;
}

/// The text stands inside a quoted text of the outer format, which doubles the quotes.
std::string_view without_quotes(std::string_view value)
{
    for (const std::string_view quotes : {"\"\"", "\""}) {
        if (value.size() >= 2 * quotes.size() && value.starts_with(quotes)
            && value.ends_with(quotes)) {
            value.remove_prefix(quotes.size());
            value.remove_suffix(quotes.size());
            return trimmed(value);
        }
    }
    return value;
}

} // namespace

Protocol Protocol::parse(std::string_view text)
{
    Protocol protocol;
    for (auto begin = text.find(begin_mark); begin != std::string_view::npos;
         begin = text.find(begin_mark)) {
        text.remove_prefix(begin);
        const auto end = std::min(text.size(), text.find(end_mark));
        auto part = text.substr(0, end);
        if (end == text.size()) { // cut off: the last line may have lost digits
            part = part.substr(0, part.rfind('\n') + 1);
        }
        text.remove_prefix(end);
        next_line(part); // the mark's own line; later software says more in it
        while (!part.empty()) {
            const auto line = next_line(part);
            const auto equal = line.find('=');
            const auto key = trimmed(line.substr(0, equal));
            if (equal != std::string_view::npos && !key.empty()) {
                protocol.m_lines.push_back({key, without_quotes(trimmed(line.substr(equal + 1)))});
            }
        }
    }
    return protocol;
}

std::optional<std::string> Protocol::value(std::string_view key) const
{
    const auto found = std::ranges::find(m_lines, key, &Line::key);
    return found == m_lines.end() ? std::nullopt : std::optional{utf8(found->value)};
}

std::optional<std::string> Protocol::value_by_ending(std::string_view ending) const
{
    const auto found = std::ranges::find_if(
        m_lines, [&](std::string_view key) { return key.ends_with(ending); }, &Line::key);
    return found == m_lines.end() ? std::nullopt : std::optional{utf8(found->value)};
}

} // namespace fiona::csa
