// SPDX-License-Identifier: MIT
#include "libfiona/base/log.h"

#include "libfiona/base/digest.h"
#include "libfiona/base/text.h"

#include <fmt/chrono.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <iterator>
#include <utility>

namespace fiona::log {

namespace {

Sink g_sink;
Level g_threshold = Level::info;

/// Unicode's own control characters and line ends: U+0080..U+009F (NEL, CSI), U+2028, U+2029.
bool is_control(std::string_view rest)
{
    return (rest.size() >= 2 && rest[0] == '\xc2' && static_cast<unsigned char>(rest[1]) < 0xa0)
           || rest.starts_with("\xe2\x80\xa8") || rest.starts_with("\xe2\x80\xa9");
}

bool has_control(std::string_view value)
{
    while (!value.empty() && !is_control(value)) {
        value.remove_prefix(1);
    }
    return !value.empty();
}

bool needs_quotes(std::string_view value)
{
    return value.empty() || !is_utf8(value) || has_control(value)
           || std::ranges::any_of(value, [](char c) {
                  return c == '"' || c == '\\' || c == '=' || static_cast<unsigned char>(c) <= 0x20
                         || c == 0x7f;
              });
}

// Values come out of DICOM headers and file names: a line break in one must not forge a line.
void append_value(std::string& line, std::string_view value)
{
    if (!needs_quotes(value)) {
        line += value;
        return;
    }
    line += '"';
    const bool ascii_only = !is_utf8(value) || has_control(value); // nothing else can be trusted
    for (const char c : value) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            line += '\\';
            line += c;
        } else if (byte < 0x20 || byte == 0x7f || (ascii_only && byte >= 0x80)) {
            fmt::format_to(std::back_inserter(line), "\\x{:02x}", byte);
        } else {
            line += c;
        }
    }
    line += '"';
}

bool is_uid_character(char c)
{
    return (c >= '0' && c <= '9') || c == '.';
}

// An IPv4 address has three dots, a version two, a UUID-derived UID may have only one but is long:
// 36 characters is more than any file name, date or number of ours without further dots.
bool looks_like_clinical_uid(std::string_view run)
{
    constexpr std::array<std::string_view, 2> harmless{"1.2.840.10008.", "1.3.6.1.4.1.45037."};
    if (std::ranges::any_of(harmless, [&](auto root) { return run.starts_with(root); })) {
        return false;
    }
    const auto dots = std::ranges::count(run, '.');
    return dots >= 4 || (dots >= 1 && run.size() >= 36);
}

void write(Level level, std::string_view name, std::string_view event, Fields fields)
{
    if (!g_sink || level < g_threshold) {
        return;
    }
    const auto now =
        std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
    const auto seconds = std::chrono::floor<std::chrono::seconds>(now);
    auto line = fmt::format("{:%FT%T}.{:03}Z {} event={}", fmt::gmtime(seconds),
                            (now - seconds).count(), name, event);
    for (const auto& field : fields) {
        line += ' ';
        line += field.name;
        line += '=';
        append_value(line, without_uids(field.value));
    }
    g_sink(level, line);
}

} // namespace

void debug(std::string_view event, Fields fields)
{
    write(Level::debug, "debug", event, fields);
}
void info(std::string_view event, Fields fields)
{
    write(Level::info, "info", event, fields);
}
void warn(std::string_view event, Fields fields)
{
    write(Level::warn, "warn", event, fields);
}
void error(std::string_view event, Fields fields)
{
    write(Level::error, "error", event, fields);
}

void set_sink(Sink sink)
{
    g_sink = std::move(sink);
}

void set_threshold(Level level)
{
    g_threshold = level;
}

std::string uid_tag(std::string_view uid)
{
    return "#" + sha256_hex(uid).substr(0, 12);
}

std::string without_uids(std::string_view text)
{
    std::string result;
    result.reserve(text.size());
    for (std::size_t at = 0; at < text.size();) {
        if (!is_uid_character(text[at])) {
            result += text[at++];
            continue;
        }
        auto end = at;
        while (end < text.size() && is_uid_character(text[end])) {
            ++end;
        }
        // The dot that ends a sentence or joins a file name's parts is not part of the UID.
        auto run = text.substr(at, end - at);
        const auto first = std::min(run.find_first_not_of('.'), run.size());
        result += run.substr(0, first);
        run.remove_prefix(first);
        const auto last = run.find_last_not_of('.');
        const auto core = run.substr(0, last == std::string_view::npos ? 0 : last + 1);
        result += looks_like_clinical_uid(core) ? uid_tag(core) : std::string{core};
        result += run.substr(core.size());
        at = end;
    }
    return result;
}

} // namespace fiona::log
