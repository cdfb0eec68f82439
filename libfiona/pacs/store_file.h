// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/pacs/association.h"

#include <cstdint>
#include <filesystem>

namespace fiona::dicom {
struct Prescan;
}

/// C-STORE of one file over an association (PS3.4 annex B). `scan` is what dicom::prescan_file() said of it.
/// Both give the peer's status (PS3.7 §9.1.1.1.9). They throw os_error() if the file cannot be opened, and
/// Error{Fault::data, Fault::io, Fault::unreachable, Fault::protocol}; what went wrong in the middle of an
/// object has cost the association (Association::is_broken()).
namespace fiona::pacs {

/// Not allowed (PS3.5 §7.1.1) and sent by some all the same. Peers give up the association then.
[[nodiscard]] bool has_odd_length(const dicom::Prescan& scan);

/// The data set byte by byte, in the syntax it is stored in.
[[nodiscard]] std::uint16_t store_as_it_is(Association& association, const Context& context,
                                           const std::filesystem::path& file,
                                           const dicom::Prescan& scan);

/// For a peer that wants another byte order or VR encoding, or for a file with values of odd length:
/// DCMTK pads them. Values stay on disk where it can.
[[nodiscard]] std::uint16_t store_rewritten(Association& association, const Context& context,
                                            const std::filesystem::path& file,
                                            const dicom::Prescan& scan);

} // namespace fiona::pacs
