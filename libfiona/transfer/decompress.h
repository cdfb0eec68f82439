// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>

namespace fiona::transfer {

/// Writes the compressed image `input` without its compression, in Explicit VR Little Endian, for a peer
/// that takes it in no other way. Every sample is what a viewer would show; the SOP instance stays
/// the same. What was compressed with loss says so ever after (0028,2110, 2112, 2114).
///
/// The work is done in a limited child process; this process must have one thread. Throws
/// Error{Fault::data} if there is no decoder, or if the stream is broken.
void decompress(const std::filesystem::path& input, const std::filesystem::path& output);

} // namespace fiona::transfer
