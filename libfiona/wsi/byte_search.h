// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace fiona::wsi {

/// Looks for many texts at once in bytes that arrive piece by piece (after Wu and Manber, 1994: most bytes
/// are jumped over).
class ByteSearch {
public:
    struct Hit {
        std::uint64_t offset = 0; ///< of its first byte, in all bytes
        std::size_t text = 0;     ///< which of them
    };

    /// Each has two bytes or more, else Error{Fault::internal}. The longer the shortest, the faster.
    explicit ByteSearch(std::vector<std::string> texts);

    /// What follows; `found` is called for each place where one ends in it.
    void add(std::string_view bytes, const std::function<void(Hit)>& found);
    [[nodiscard]] const std::vector<std::string>& texts() const { return m_texts; }

private:
    void search(std::string_view bytes, std::size_t fresh, const std::function<void(Hit)>& found);

    std::vector<std::string> m_texts;
    std::size_t m_shortest = 0;
    std::size_t m_longest = 0;
    std::vector<std::uint8_t> m_shifts;
    std::vector<std::vector<std::uint32_t>> m_candidates; ///< by the last two of the first bytes
    std::string m_end;                                    ///< of what came before
    std::uint64_t m_offset = 0;                           ///< of m_end
};

} // namespace fiona::wsi
