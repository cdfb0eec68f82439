// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// Siemens MR private headers: bytes in, values out. The format was never published; what is here is
/// common knowledge of the readers in the field (nibabel, GDCM, dcm2niix), held against real files.
namespace fiona::csa {

/// What a tag of the header says.
struct Value {
    std::string_view vr; ///< as DICOM's, e.g. "DS"; numbers are written in ASCII. Borrowed
    /// UTF-8, without blanks around them; empty ones are left out, so there is at least one.
    std::vector<std::string> items;
};

/// A CSA1 or CSA2 ("SV10") header, as scanners put it into (0029,xx10) and (0029,xx20). It keeps
/// views into the bytes it was parsed from: they must outlive it.
class Header {
public:
    Header() = default; ///< without tags
    /// Throws Error{Fault::data} if `bytes` do not begin like a CSA header. Behind its beginning
    /// nothing is an error: reading stops where the header is cut off or makes no sense. Of a value
    /// that is cut off a text keeps its beginning, a number is left out.
    [[nodiscard]] static Header parse(std::span<const std::byte> bytes);

    /// Nothing if the tag is absent or all its items are empty. Of two tags of one name the first
    /// counts.
    [[nodiscard]] std::optional<Value> find(std::string_view name) const;
    /// The first item of a tag that is not empty, as it is in the header; "" if there is none.
    /// Borrowed from the bytes.
    [[nodiscard]] std::string_view raw_text(std::string_view name) const;
    /// Tags, empty ones included.
    [[nodiscard]] std::size_t size() const { return m_tags.size(); }
    /// Whether every tag that the header announces was read whole.
    [[nodiscard]] bool is_complete() const { return m_is_complete; }

private:
    friend class Parser;
    struct Tag {
        std::string_view name;
        std::string_view vr;
        std::size_t first_item = 0; ///< in m_items
        std::size_t items = 0;
    };
    [[nodiscard]] const Tag* tag(std::string_view name) const;

    std::vector<Tag> m_tags;
    std::vector<std::string_view> m_items; ///< of all tags, without the empty ones
    bool m_is_complete = true;
};

/// Siemens' private texts carry no character set: what is no UTF-8 is taken as Latin-1.
[[nodiscard]] std::string utf8(std::string_view text);

} // namespace fiona::csa
