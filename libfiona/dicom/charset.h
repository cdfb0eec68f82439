// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace fiona::dicom {

/// Decodes the text of one data set or item to UTF-8 by its Specific Character Set (0008,0005),
/// PS3.3 §C.12.1.1.2: single-byte sets, ISO 2022 code extensions, ISO_IR 192, GB18030, GBK.
///
/// Of our own because DCMTK as Debian builds it (on glibc's iconv) refuses ISO 2022 IR 87 and 159,
/// and what follows an escape it does not know. Here nothing throws: what cannot be decoded is
/// taken as UTF-8 if it is, else as Latin-1, and the result says so.
class Charset {
public:
    /// The default repertoire: ASCII.
    Charset();
    /// `value` as in the file, with its backslashes. Unknown terms count as absent.
    explicit Charset(std::string_view value);
    Charset(Charset&& other) noexcept;
    Charset& operator=(Charset&& other) noexcept;
    Charset(const Charset&) = delete;
    Charset& operator=(const Charset&) = delete;
    ~Charset();

    struct Text {
        std::string utf8;
        bool guessed = false; ///< bytes and declaration did not agree
    };
    /// `delimiters` end every designation of a code extension (PS3.5 §6.1.2.5.3): "\\" for most
    /// VRs, "\\^=" for PN, "" for LT, ST and UT. Control characters always do.
    [[nodiscard]] Text decode(std::string_view bytes, std::string_view delimiters) const;

private:
    struct Data;
    std::unique_ptr<Data> m_data;
};

} // namespace fiona::dicom
