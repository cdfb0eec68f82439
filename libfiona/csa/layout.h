// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

namespace fiona::csa {

/// A piece of a CSA header that means something; what lies between the pieces is what the scanner's
/// memory held before.
struct Piece {
    enum class Kind {
        structure, ///< counts, lengths and check words
        name,      ///< of a tag, up to its NUL
        value,     ///< of one item, up to its NUL
    } kind = Kind::structure;
    std::size_t begin = 0; ///< of the header's bytes
    std::size_t end = 0;   ///< behind its last byte
    std::string_view tag;  ///< of a value: the name of its tag, borrowed
    std::string_view vr;   ///< of a value, borrowed
};

/// The pieces of a CSA1 or CSA2 header in order; nothing if `bytes` are no header that could be read to
/// the end of its last tag.
[[nodiscard]] std::optional<std::vector<Piece>> layout(std::string_view bytes);

} // namespace fiona::csa
