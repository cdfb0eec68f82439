// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/anonymize/data_set.h"
#include "libfiona/dicom/charset.h"

#include <optional>
#include <string>
#include <string_view>

namespace fiona::anonymize {

/// One character set of a data set (PS3.3 §C.12.1.1.2): bytes in, UTF-8 out. What is declared is
/// not believed: bytes that are no text in the declared set but are in another one are read so.
/// Not shared between threads.
class Charset {
public:
    /// `declared` is the value of (0008,0005) without padding, "" if there is none.
    explicit Charset(std::string_view declared);

    struct Text {
        std::string utf8;
        bool as_declared = true; ///< false: the bytes were no text of the declared set
    };
    /// `vr` says which characters separate values and parts of names.
    [[nodiscard]] Text decode(std::string_view bytes, Vr vr) const;
    /// The text in this set; nothing if it does not fit (or would need code extensions).
    [[nodiscard]] std::optional<std::string> encode(std::string_view utf8) const;

private:
    enum class Kind { utf8, latin1, other };

    Kind m_kind = Kind::other;
    dicom::Charset m_set;
};

/// Every byte as a character of ISO 8859-1.
[[nodiscard]] std::string utf8_from_latin1(std::string_view bytes);
[[nodiscard]] bool is_ascii(std::string_view bytes);
/// The character at `at` and how many bytes it has; bytes that are no UTF-8 count as Latin-1.
struct CodePoint {
    char32_t value = 0;
    std::size_t bytes = 1;
};
[[nodiscard]] CodePoint code_point_at(std::string_view utf8, std::size_t at);
void append_utf8(std::string& text, char32_t character);

} // namespace fiona::anonymize
