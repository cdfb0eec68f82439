// SPDX-License-Identifier: MIT
#include "libfiona/csa/header.h"

#include "libfiona/base/error.h"
#include "libfiona/base/text.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>
#include <utility>

namespace fiona::csa {

namespace {

constexpr std::string_view csa2_magic{"SV10\4\3\2\1", 8};
constexpr std::uint32_t most_tags = 1000; // real headers have about a hundred
constexpr std::size_t name_length = 64;
constexpr std::size_t vr_length = 4;
constexpr std::size_t alignment = 4;

using Bytes = std::span<const std::byte>;

std::string_view as_text(Bytes bytes)
{
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast) bytes as text
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Up to the first NUL; what stands behind it is what the scanner's memory held before.
std::string_view c_string(Bytes bytes)
{
    const auto text = as_text(bytes);
    return text.substr(0, text.find('\0'));
}

bool is_check_word(std::uint32_t word)
{
    return word == 77 || word == 205; // 'M' and 0xcd
}

/// Hands out pieces from the front, never more than there is.
class Reader {
public:
    explicit Reader(Bytes bytes) : m_rest{bytes} {}

    [[nodiscard]] std::size_t left() const { return m_rest.size(); }

    /// As many bytes as are left, at most `length`.
    Bytes take(std::size_t length)
    {
        const auto piece = m_rest.first(std::min(length, m_rest.size()));
        m_rest = m_rest.subspan(piece.size());
        return piece;
    }

    /// Little-endian, whatever the transfer syntax; nothing if fewer than four bytes are left.
    std::optional<std::uint32_t> word()
    {
        static_assert(std::endian::native == std::endian::little);
        std::uint32_t value = 0;
        const auto piece = take(sizeof value);
        if (piece.size() < sizeof value) {
            return std::nullopt;
        }
        std::memcpy(&value, piece.data(), sizeof value);
        return value;
    }

private:
    Bytes m_rest;
};

/// The VRs whose values are numbers in ASCII.
bool is_numeric(std::string_view vr)
{
    constexpr std::array<std::string_view, 8> numeric{"IS", "DS", "FD", "FL",
                                                      "SS", "US", "SL", "UL"};
    return std::ranges::find(numeric, vr) != numeric.end();
}

enum class Format { csa1, csa2 };

/// Negative if there is no such length.
std::int64_t item_length(Format format, const std::array<std::uint32_t, 4>& head,
                         std::uint32_t first_count)
{
    // CSA1 adds the number of items of the first tag to every length; nobody knows why.
    return format == Format::csa2 ? static_cast<std::int32_t>(head[1])
                                  : std::int64_t{static_cast<std::int32_t>(head[0])}
                                        - static_cast<std::int32_t>(first_count);
}

} // namespace

class Parser {
public:
    explicit Parser(Bytes bytes) : m_reader{bytes}
    {
        if (as_text(bytes).starts_with(csa2_magic)) {
            m_format = Format::csa2;
            m_reader.take(csa2_magic.size());
        }
    }

    Header parse()
    {
        const auto count = m_reader.word();
        const auto check = m_reader.word();
        if (!count || !check || *count < 1 || *count > most_tags || !is_check_word(*check)) {
            throw Error{Fault::data, "no Siemens CSA header"};
        }
        m_header.m_tags.reserve(*count);
        for (std::uint32_t i = 0; i < *count && read_tag(); ++i) {
        }
        return std::move(m_header);
    }

private:
    /// False if the next head is cut off or no head. A tag that is cut off has the items found.
    bool read_tag()
    {
        Header::Tag tag;
        tag.name = trimmed(c_string(m_reader.take(name_length)));
        m_reader.word(); // the value multiplicity; the items tell it better
        tag.vr = trimmed(c_string(m_reader.take(vr_length)));
        m_reader.word(); // syngo's number of the type
        const auto count = m_reader.word();
        const auto check = m_reader.word();
        if (!count || !check || !is_check_word(*check)) {
            m_header.m_is_complete = false;
            return false;
        }
        if (!m_first_count) {
            m_first_count = *count;
        }
        tag.first_item = m_header.m_items.size();
        for (std::uint32_t i = 0; i < *count && read_item(tag.vr); ++i) {
            // ends with the bytes, sixteen for each item
        }
        tag.items = m_header.m_items.size() - tag.first_item;
        m_header.m_tags.push_back(tag);
        return true;
    }

    /// False if no further item of this tag can be read.
    bool read_item(std::string_view vr)
    {
        std::array<std::uint32_t, 4> head{};
        for (auto& word : head) {
            const auto value = m_reader.word();
            if (!value) {
                m_header.m_is_complete = false;
                return false;
            }
            word = *value;
        }
        const auto length = item_length(m_format, head, *m_first_count);
        const bool is_too_long = std::cmp_greater(length, m_reader.left());
        if (m_format == Format::csa1 && (length < 0 || is_too_long)) {
            return false; // heads without meaning behind the last value of a tag are usual there
        }
        m_header.m_is_complete = m_header.m_is_complete && length >= 0 && !is_too_long;
        if (length < 0) { // nobody knows where the next tag begins
            m_reader.take(m_reader.left());
            return false;
        }
        const auto bytes = m_reader.take(static_cast<std::size_t>(length));
        if (is_too_long && is_numeric(vr)) {
            return false; // the first digits of a number are another number
        }
        m_reader.take((alignment - bytes.size() % alignment) % alignment);
        if (const auto text = trimmed(c_string(bytes)); !text.empty()) {
            m_header.m_items.push_back(text);
        }
        return true;
    }

    Reader m_reader;
    Format m_format = Format::csa1;
    std::optional<std::uint32_t> m_first_count;
    Header m_header;
};

Header Header::parse(std::span<const std::byte> bytes)
{
    return Parser{bytes}.parse();
}

const Header::Tag* Header::tag(std::string_view name) const
{
    const auto found = std::ranges::find(m_tags, name, &Tag::name);
    return found == m_tags.end() || found->items == 0 ? nullptr : &*found;
}

std::optional<Value> Header::find(std::string_view name) const
{
    const auto* const found = tag(name);
    if (found == nullptr) {
        return std::nullopt;
    }
    Value value{found->vr, {}};
    for (const auto item : std::span{m_items}.subspan(found->first_item, found->items)) {
        value.items.push_back(utf8(item));
    }
    return value;
}

std::string_view Header::raw_text(std::string_view name) const
{
    const auto* const found = tag(name);
    return found == nullptr ? std::string_view{} : m_items[found->first_item];
}

std::string utf8(std::string_view text)
{
    if (is_utf8(text)) {
        return std::string{text};
    }
    constexpr unsigned first_high = 0x80;
    std::string result;
    result.reserve(text.size());
    for (const char c : text) {
        const unsigned byte = static_cast<unsigned char>(c);
        if (byte < first_high) {
            result += c;
        } else { // two bytes: 110000xx 10xxxxxx
            result += static_cast<char>(0xc0U | (byte >> 6U));
            result += static_cast<char>(0x80U | (byte & 0x3fU));
        }
    }
    return result;
}

} // namespace fiona::csa
