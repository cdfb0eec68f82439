// SPDX-License-Identifier: MIT
#include "libfiona/csa/layout.h"

#include "libfiona/base/text.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <utility>

namespace fiona::csa {

namespace {

constexpr std::string_view csa2_magic{"SV10\4\3\2\1", 8};
constexpr std::uint32_t most_tags = 1000;
constexpr std::size_t name_length = 64;
constexpr std::size_t vr_length = 4;

bool is_check_word(std::uint32_t word)
{
    return word == 77 || word == 205;
}

class Walk {
public:
    explicit Walk(std::string_view bytes)
        : m_bytes{bytes}, m_is_second{bytes.starts_with(csa2_magic)}
    {
    }

    std::optional<std::vector<Piece>> pieces()
    {
        if (m_is_second) {
            add_structure(csa2_magic.size());
        }
        const auto count = word();
        const auto check = word();
        if (!count || !check || *count < 1 || *count > most_tags || !is_check_word(*check)) {
            return std::nullopt;
        }
        add_structure(2 * sizeof(std::uint32_t));
        for (std::uint32_t i = 0; i < *count; ++i) {
            if (!read_tag()) {
                return std::nullopt;
            }
        }
        return std::move(m_pieces);
    }

private:
    /// The next four bytes, little-endian; the place moves on.
    std::optional<std::uint32_t> word()
    {
        static_assert(std::endian::native == std::endian::little);
        std::uint32_t value = 0;
        if (m_bytes.size() - m_at < sizeof value) {
            return std::nullopt;
        }
        std::memcpy(&value, m_bytes.data() + m_at, sizeof value);
        m_at += sizeof value;
        return value;
    }

    /// The last `length` bytes that were read, or, at the very beginning, the first ones.
    void add_structure(std::size_t length)
    {
        m_at = std::max(m_at, length);
        m_pieces.push_back({Piece::Kind::structure, m_at - length, m_at, {}, {}});
    }

    [[nodiscard]] std::string_view c_string(std::size_t length) const
    {
        const auto text = m_bytes.substr(m_at, length);
        return text.substr(0, text.find('\0'));
    }

    bool read_tag()
    {
        if (m_bytes.size() - m_at < name_length + sizeof(std::uint32_t) + vr_length) {
            return false;
        }
        const auto name = c_string(name_length);
        m_pieces.push_back({Piece::Kind::name, m_at, m_at + name.size(), {}, {}});
        m_at += name_length;
        static_cast<void>(word()); // value multiplicity
        add_structure(sizeof(std::uint32_t));
        const auto vr = trimmed(c_string(vr_length));
        m_pieces.push_back(
            {Piece::Kind::structure, m_at, m_at + c_string(vr_length).size(), {}, {}});
        m_at += vr_length;
        const auto type = word();
        const auto count = word();
        const auto check = word();
        if (!type || !count || !check || !is_check_word(*check)) {
            return false;
        }
        add_structure(3 * sizeof(std::uint32_t));
        if (!m_first_count) {
            m_first_count = *count;
        }
        for (std::uint32_t i = 0; i < *count; ++i) {
            const auto more = read_item(trimmed(name), vr);
            if (!more) {
                return false;
            }
            if (!*more) {
                break;
            }
        }
        return true;
    }

    /// Nothing: cut off. False: no further item of this tag.
    std::optional<bool> read_item(std::string_view name, std::string_view vr)
    {
        std::array<std::uint32_t, 4> head{};
        for (auto& value : head) {
            const auto read = word();
            if (!read) {
                return std::nullopt;
            }
            value = *read;
        }
        add_structure(sizeof head);
        // CSA1 adds the number of items of the first tag to every length (header.cpp).
        const std::int64_t length = m_is_second ? static_cast<std::int32_t>(head[1])
                                                : std::int64_t{static_cast<std::int32_t>(head[0])}
                                                      - static_cast<std::int32_t>(*m_first_count);
        const bool fits = length >= 0 && !std::cmp_greater(length, m_bytes.size() - m_at);
        if (!fits) {
            return m_is_second ? std::nullopt : std::optional{false};
        }
        const auto bytes = static_cast<std::size_t>(length);
        m_pieces.push_back({Piece::Kind::value, m_at, m_at + c_string(bytes).size(), name, vr});
        m_at = std::min(m_at + (bytes + 3) / 4 * 4, m_bytes.size());
        return true;
    }

    std::string_view m_bytes;
    bool m_is_second;
    std::size_t m_at = 0;
    std::optional<std::uint32_t> m_first_count;
    std::vector<Piece> m_pieces;
};

} // namespace

std::optional<std::vector<Piece>> layout(std::string_view bytes)
{
    return Walk{bytes}.pieces();
}

} // namespace fiona::csa
