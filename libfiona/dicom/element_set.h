// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/unique_fd.h"
#include "libfiona/dicom/element_text.h"
#include "libfiona/dicom/prescan_walk.h"

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fiona::dicom {

/// The elements of a data set, of group 0002, or of one item, in ascending order. Of repeated ones
/// the first counts. Internal to Header.
class ElementSet {
public:
    ElementSet() = default;
    /// What a walk has copied is here, the rest in the file.
    explicit ElementSet(Walked walked);
    /// The content of an item; all values are here.
    ElementSet(std::vector<std::byte> content, Coding coding);

    [[nodiscard]] const WalkedElement* find(Tag tag) const;
    /// By its private creator, if the step names one (PS3.5 §7.8.1).
    [[nodiscard]] const WalkedElement* find(const Step& step) const;
    /// The bytes of an element of this set; nothing if they stayed in the file.
    [[nodiscard]] std::optional<std::span<const std::byte>>
    bytes(const WalkedElement& element) const;
    /// That of the file, else of the dictionary; "??" if neither knows it. Then two bytes may be a
    /// number as well as two letters.
    [[nodiscard]] std::string_view vr(const WalkedElement& element) const;
    /// The value of a short text element, trimmed; "" if it is absent.
    [[nodiscard]] std::string_view text(Tag tag) const;

private:
    [[nodiscard]] const WalkedElement* find_private(const Step& step) const;
    [[nodiscard]] std::string_view implicit_vr(Tag tag) const;
    [[nodiscard]] bool is_signed_here(Tag tag) const;
    [[nodiscard]] std::string_view trimmed_bytes(const WalkedElement& element) const;

    std::vector<WalkedElement> m_elements;
    std::vector<std::byte> m_values;
    bool m_is_whole = false; ///< m_values is the content, and offsets count from its start
};

/// The items of a sequence, `bytes` is all of it.
[[nodiscard]] std::vector<ElementSet> items_of(const WalkedElement& sequence,
                                               std::vector<std::byte> bytes);

/// Reads what a walk has left in the file.
class ValueFile {
public:
    ValueFile(UniqueFd fd, const IndexedFile& index);

    /// Throws Error{Fault::io} if the file is shorter now or cannot be read.
    [[nodiscard]] std::vector<std::byte> read(const WalkedElement& element) const;

private:
    UniqueFd m_fd;
    std::uint64_t m_data_set_offset;
    bool m_is_deflated;
};

} // namespace fiona::dicom
