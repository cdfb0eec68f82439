// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/dicom/header.h"
#include "libfiona/pacs/receiver_archive.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace fiona::pacs {

/// What becomes of one received object, and what its sender is told (PS3.7 §9.1.1.1.9, PS3.4 §B.2.3).
struct Verdict {
    std::uint16_t status = 0;
    std::string_view comment;            ///< ErrorComment, at most 64 characters, no header values
    std::optional<dicom::Tag> offending; ///< OffendingElement
    std::string_view reason;             ///< why it was refused: a directory of .rejected/
    std::string detail;                  ///< for the log: kind of fault and place, no values
    std::string study;                   ///< for the log; empty unless legal
    std::optional<Stored> stored;        ///< set if and only if the status is success
};

namespace status {
constexpr std::uint16_t success = 0x0000;
constexpr std::uint16_t invalid_instance = 0x0117;
constexpr std::uint16_t class_not_supported = 0x0122;
constexpr std::uint16_t out_of_resources = 0xa700;
constexpr std::uint16_t mismatch = 0xa900;
constexpr std::uint16_t unparsable = 0xc001;
constexpr std::uint16_t bad_uid = 0xc002;
} // namespace status

/// The refusal of an object for which there is no room now.
[[nodiscard]] Verdict no_room(std::string_view comment);

/// Looks at a completely received object and stores it, or sets it aside. `abstract_syntax` is that
[[nodiscard]] Verdict take_in(Archive& archive, PartFile& part, const ObjectClaim& claim,
                              std::string_view abstract_syntax, const ReceiverPeer& peer);

} // namespace fiona::pacs
