// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/dicom/coding.h"
#include "libfiona/dicom/header.h"
#include "libfiona/dicom/prescan_source.h"

#include <array>
#include <limits>
#include <string>
#include <vector>

namespace fiona::dicom {

/// One element at the top of a data set or item, where it lies.
struct WalkedElement {
    static constexpr std::size_t not_copied = std::numeric_limits<std::size_t>::max();

    Tag tag;
    std::array<char, 2> vr{}; ///< NULs in implicit VR
    /// Of the value; PS3.5 §6.2.2 note 4: inside a UN of undefined length it differs.
    Coding coding = Coding::explicit_little;
    enum class Kind { value, sequence, fragments } kind = Kind::value;
    bool is_delimited = false;          ///< the length was undefined
    std::uint64_t offset = 0;           ///< of the value in the source
    std::uint64_t length = 0;           ///< with the delimiter
    std::size_t copied_at = not_copied; ///< the value in Walked::values
};

/// What a walk has passed at its top, in the order of the file.
struct Walked {
    std::vector<WalkedElement> elements;
    std::vector<std::byte> values;                     ///< of the short ones
    std::size_t longest_copied = ByteSource::max_peek; ///< what is longer stays in the source
};

/// An item of a sequence: the bytes behind its header, without its delimiter.
struct ItemPlace {
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
};

/// Walks one data set to its end without recursion and fills in the UIDs, the place of the pixel
/// data and the depth. Throws Error{Fault::data}. Internal to the pre-scan.
void walk_data_set(ByteSource& source, Coding coding, const PrescanLimits& limits, Prescan& result,
                   Walked* walked = nullptr);

/// The same for the content of one item, which is all that `source` holds. Copies no values.
[[nodiscard]] Walked walk_item(ByteSource& source, Coding coding);

/// The items of a sequence, which is all that `source` holds.
[[nodiscard]] std::vector<ItemPlace> walk_sequence(ByteSource& source,
                                                   const WalkedElement& sequence);

/// The pre-scan of an open file (borrowed), and where its elements lie: those of group 0002 and
/// those of the data set.
struct IndexedFile {
    Prescan scan;
    Walked meta;
    Walked data_set;
    bool is_deflated = false; ///< offsets of the data set count from the start of what was deflated
};
[[nodiscard]] IndexedFile index_file(int fd, const PrescanLimits& limits = {});

/// The value of a UI element without its padding.
[[nodiscard]] std::string uid_text(std::span<const std::byte> value);

} // namespace fiona::dicom
