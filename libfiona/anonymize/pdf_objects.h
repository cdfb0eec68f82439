// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fiona::anonymize {

/// What a stream holds that is no object stream, unpacked.
struct PdfStream {
    std::string bytes;
    std::string
        strings; ///< of a page's content and the like; `|` between them, those of one TJ together
    bool is_binary = false; ///< a font program, a table of objects, or with a NUL among its bytes
};

/// What a PDF consists of, read from its first byte to its last without its table of objects (ISO 32000-1
/// §7.5.4): what nothing refers to is there too.
struct PdfParts {
    std::string objects; ///< outside of streams and in object streams (§7.5.7), as they are written
    std::string strings; ///< of the objects, as they are meant; `|` between them
    std::string
        names; ///< other words of theirs that are not the standard's: comments, names, the producer
    std::vector<PdfStream> streams;
    std::size_t metadata = 0; ///< how often an object names some of its own
    bool has_picture = false; ///< reading ends there
};

/// Nothing if a part of it cannot be read here: a stream with another filter than FlateDecode, with a
/// predictor (but for tables of objects), with bytes behind its end; strings without an end; more than
/// `most_bytes` in all. Trusts no length of the file.
[[nodiscard]] std::optional<PdfParts> parts_of(std::string_view pdf, std::size_t most_bytes);

} // namespace fiona::anonymize
