// SPDX-License-Identifier: MIT
#include "libfiona/base/ids.h"

#include "libfiona/base/error.h"
#include "libfiona/base/text.h"

#include <algorithm>

namespace fiona {

bool is_uid(std::string_view text)
{
    return !text.empty() && text.size() <= 64 && text.front() != '.' && text.back() != '.'
           && text.find("..") == std::string_view::npos
           && text.find_first_not_of("0123456789.") == std::string_view::npos;
}

namespace detail {

namespace {

void check_label(std::string_view kind, std::string_view text)
{
    constexpr std::string_view forbidden = "/\\\"'[]`$";
    const bool legal = !text.empty() && text.size() <= 64 && is_utf8(text) && text.front() != '.'
                       && text.front() != '-' && text.front() != ' ' && text.back() != ' '
                       && std::ranges::none_of(text, [&](char c) {
                              return static_cast<unsigned char>(c) < 0x20 || c == 0x7f
                                     || forbidden.find(c) != std::string_view::npos;
                          });
    if (!legal) {
        throw Error{Fault::data, "not {} ({} bytes)", kind, text.size()};
    }
}

bool is_word_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

} // namespace

// The text itself is not shown: what a stranger sends as a UID may hold anything.
void check_uid(std::string_view kind, std::string_view text)
{
    if (!is_uid(text)) {
        throw Error{Fault::data, "not a {} ({} characters)", kind, text.size()};
    }
}

void ProjectRule::check(std::string_view text)
{
    check_label("a project name", text);
}

void EventRule::check(std::string_view text)
{
    check_label("an event name", text);
}

void ParticipantRule::check(std::string_view text)
{
    const bool legal = !text.empty() && text.size() <= 64 && is_word_character(text.front())
                       && std::ranges::all_of(text, [](char c) {
                              return is_word_character(c) || c == '.' || c == '-';
                          });
    if (!legal) {
        throw Error{Fault::data, "not a participant id: 1 to 64 of A-Z a-z 0-9 _ . - are allowed"};
    }
}

void AeTitleRule::check(std::string_view text)
{
    const bool legal =
        !text.empty() && text.size() <= 16 && text.find_first_not_of(' ') != std::string_view::npos
        && std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7f && c != '\\'; });
    if (!legal) {
        throw Error{Fault::data, "not an AE title ({} bytes)", text.size()};
    }
}

} // namespace detail
} // namespace fiona
