// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// Makes Siemens CSA headers, as scanners do: names and values end with NUL, behind it stands noise.
class CsaBytes {
public:
    enum class Format { csa1, csa2 };

    explicit CsaBytes(Format format) : m_format{format} {}

    CsaBytes& add(std::string_view name, std::string_view vr,
                  const std::vector<std::string>& values, std::uint32_t check = 77)
    {
        constexpr std::size_t name_length = 64;
        if (m_tags == 0) {
            m_first_count = static_cast<std::uint32_t>(values.size());
        }
        ++m_tags;
        padded(name, name_length);
        word(1); // value multiplicity
        padded(vr, 4);
        word(6); // syngo's type
        word(static_cast<std::uint32_t>(values.size()));
        word(check);
        for (const auto& value : values) {
            item(value, check);
        }
        return *this;
    }

    /// Anything between two tags.
    CsaBytes& raw(std::string_view bytes)
    {
        m_bytes += bytes;
        return *this;
    }

    [[nodiscard]] std::vector<std::byte> bytes() const
    {
        CsaBytes head{m_format};
        if (m_format == Format::csa2) {
            head.m_bytes = std::string{"SV10\4\3\2\1", 8};
        }
        head.word(m_tags);
        head.word(77);
        std::vector<std::byte> result;
        for (const char c : head.m_bytes + m_bytes) {
            result.push_back(static_cast<std::byte>(c));
        }
        return result;
    }

    void word(std::uint32_t value)
    {
        for (unsigned shift = 0; shift < 32; shift += 8) {
            m_bytes += static_cast<char>((value >> shift) & 0xffU);
        }
    }

private:
    void item(std::string_view value, std::uint32_t check)
    {
        const auto length = value.empty() ? 0U : static_cast<std::uint32_t>(value.size()) + 1;
        const auto stored = m_format == Format::csa1 ? length + m_first_count : length;
        word(stored);
        word(length);
        word(check);
        word(length);
        padded(value, (std::size_t{length} + 3) / 4 * 4);
    }

    void padded(std::string_view text, std::size_t length)
    {
        constexpr std::string_view noise = "sProtocol\t = \t1\nnoise of the scanner's memory";
        const auto end = m_bytes.size() + length;
        m_bytes += text;
        if (m_bytes.size() < end) {
            m_bytes += '\0';
        }
        for (std::size_t i = 0; m_bytes.size() < end; ++i) {
            m_bytes += noise[i % noise.size()];
        }
    }

    Format m_format;
    std::string m_bytes;
    std::uint32_t m_tags = 0;
    std::uint32_t m_first_count = 0;
};
