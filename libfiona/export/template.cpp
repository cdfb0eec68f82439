// SPDX-License-Identifier: MIT
#include "libfiona/export/template.h"

#include "libfiona/base/error.h"
#include "libfiona/base/number.h"
#include "libfiona/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace fiona::exports {

namespace {

constexpr std::size_t max_part_bytes = 120;

/// The bytes of the character that `text` begins with, if it may stand in a name; else 0.
std::size_t allowed_bytes(std::string_view text)
{
    const auto c = text.front();
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'
        || c == '^') {
        return 1;
    }
    constexpr std::array<std::string_view, 6> norwegian{"å", "Å", "ø", "Ø", "æ", "Æ"};
    const auto* const found = std::ranges::find_if(
        norwegian, [&](std::string_view letter) { return text.starts_with(letter); });
    return found == norwegian.end() ? 0 : found->size();
}

bool is_continuation(char c)
{
    return (static_cast<unsigned char>(c) & 0xc0U) == 0x80U;
}

enum class Dots { no, inside };

std::string safe(std::string_view value, Dots dots)
{
    value = trimmed(value);
    std::string name;
    while (!value.empty() && name.size() < max_part_bytes) {
        auto count = allowed_bytes(value);
        if (count == 0 && dots == Dots::inside && value.front() == '.' && !name.empty()) {
            count = 1;
        }
        if (count > 0 && name.size() + count <= max_part_bytes) {
            name += value.substr(0, count);
            value.remove_prefix(count);
            continue;
        }
        name += '-';
        do { // one `-` for one character
            value.remove_prefix(1);
        } while (!value.empty() && is_continuation(value.front()));
    }
    return name.empty() ? "unknown" : name;
}

} // namespace

std::string safe_part(std::string_view value)
{
    return safe(value, Dots::no);
}

std::string safe_file(std::string_view value)
{
    return safe(value, Dots::inside);
}

Template::Template(std::string_view text, const std::vector<std::string_view>& names)
{
    while (!text.empty()) {
        const auto open = text.find('{');
        if (open != 0) {
            m_pieces.push_back({.literal = std::string{text.substr(0, open)}});
            text.remove_prefix(std::min(open, text.size()));
            continue;
        }
        const auto close = text.find('}');
        if (close == std::string_view::npos) {
            throw Error{Fault::config, "exports: a brace is not closed"};
        }
        auto inside = text.substr(1, close - 1);
        text.remove_prefix(close + 1);
        Piece piece{.is_field = true};
        if (const auto bar = inside.find('|'); bar != std::string_view::npos) {
            piece.fallback = std::string{inside.substr(bar + 1)};
            inside = inside.substr(0, bar);
        }
        if (const auto colon = inside.find(':'); colon != std::string_view::npos) {
            constexpr std::size_t widest = 20;
            const auto width = read_number<decltype(piece.width)>(inside.substr(colon + 1));
            if (!width || *width > widest) {
                throw Error{Fault::config, "exports: {{{}}} has no width", inside};
            }
            piece.width = *width;
            inside = inside.substr(0, colon);
        }
        piece.is_optional = inside.starts_with('_');
        piece.literal = inside.substr(piece.is_optional ? 1 : 0);
        if (std::ranges::find(names, std::string_view{piece.literal}) == names.end()) {
            throw Error{Fault::config, "exports: there is no field {{{}}}; there are {}",
                        piece.literal, fmt::join(names, ", ")};
        }
        m_pieces.push_back(std::move(piece));
    }
}

std::string Template::filled(const Piece& piece, std::string value)
{
    if (value.size() < piece.width) {
        value.insert(0, piece.width - value.size(), '0');
    }
    return piece.is_optional ? "_" + value : value;
}

std::optional<std::string> Template::value(const Lookup& lookup) const
{
    std::string text;
    for (const auto& piece : m_pieces) {
        if (!piece.is_field) {
            text += piece.literal;
            continue;
        }
        auto value = lookup(piece.literal).value_or("");
        if (!value.empty()) {
            text += filled(piece, std::move(value));
        } else if (piece.fallback) {
            text += *piece.fallback;
        } else if (!piece.is_optional) {
            return std::nullopt;
        }
    }
    return text;
}

std::string Template::path(const Lookup& lookup) const
{
    std::string text;
    for (const auto& piece : m_pieces) {
        if (!piece.is_field) {
            text += piece.literal;
            continue;
        }
        const auto value = lookup(piece.literal).value_or("");
        if (trimmed(value).empty()) {
            text += piece.is_optional ? "" : piece.fallback.value_or("unknown");
        } else {
            text += filled(piece, piece.literal == "File" ? safe_file(value) : safe_part(value));
        }
    }
    std::string path;
    for (const auto part : split(text, '/')) {
        if (!part.empty()) {
            path += path.empty() ? "" : "/";
            path += part == "." || part == ".." ? "unknown" : part;
        }
    }
    return path;
}

bool Template::uses(std::string_view name) const
{
    return std::ranges::any_of(
        m_pieces, [&](const Piece& piece) { return piece.is_field && piece.literal == name; });
}

} // namespace fiona::exports
