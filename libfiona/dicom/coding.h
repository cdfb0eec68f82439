// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/dicom/header.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

class DcmDataDictionary;

namespace fiona::dicom {

/// How elements are written (PS3.5 §A).
enum class Coding { implicit_little, explicit_little, explicit_big };

/// `bytes` must hold two, or four, from `at` on.
[[nodiscard]] std::uint16_t read_u16(std::span<const std::byte> bytes, std::size_t at,
                                     Coding coding);
[[nodiscard]] std::uint32_t read_u32(std::span<const std::byte> bytes, std::size_t at,
                                     Coding coding);

/// The value representations with a length of two bytes (PS3.5 §7.1.2, table 7.1-2). All others,
/// those of future editions included, have two reserved bytes and a length of four.
[[nodiscard]] bool has_short_length(std::string_view vr);

/// A locked look at DCMTK's dictionary: in implicit VR it alone decides what DCMTK will take for
/// a sequence, so the walk has to see the same sequences.
class SequenceDictionary {
public:
    SequenceDictionary();
    SequenceDictionary(const SequenceDictionary&) = delete;
    SequenceDictionary& operator=(const SequenceDictionary&) = delete;
    ~SequenceDictionary();

    /// `creator` is null for elements of the standard.
    [[nodiscard]] bool is_sequence(Tag tag, const char* creator) const;

private:
    const DcmDataDictionary& m_dictionary;
};

} // namespace fiona::dicom
