// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/unique_fd.h"
#include "libfiona/pixel/frame_source.h"
#include "libfiona/store/atomic_file.h"

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

class DcmFileFormat;

namespace fiona::pixel {

/// An image file as it lies on the disk: its header in memory, its frames one by one.
class ImageFile {
public:
    /// Throws Error{Fault::data} if it is no DICOM image that can be looked at. A deflated file is
    /// unpacked beside `output` into a file without a name.
    ImageFile(const std::filesystem::path& input, const std::filesystem::path& output);
    ImageFile(const ImageFile&) = delete;
    ImageFile& operator=(const ImageFile&) = delete;
    ~ImageFile();

    [[nodiscard]] DcmFileFormat& header() { return *m_header; }
    [[nodiscard]] const PixelDescription& description() const { return m_description; }
    [[nodiscard]] const FrameSource& frames() const { return *m_frames; }
    /// Of the file itself; what frames() reads of a deflated one is Explicit VR Little Endian.
    [[nodiscard]] const std::string& transfer_syntax() const { return m_syntax; }

private:
    std::string m_syntax;
    UniqueFd m_fd;
    std::unique_ptr<DcmFileFormat> m_header; ///< up to the pixel data
    PixelDescription m_description;
    std::unique_ptr<FrameSource> m_frames;
};

/// Writes header and frames in `transfer_syntax`, one frame in memory; `change` gives each frame's
/// samples, or nothing if the compressed bytes of the source are to be kept. Preamble of zeros. What
/// follows the pixel data in the source is not written: padding, signatures that are void now.
void write_image(ImageFile& image, const std::string& transfer_syntax, store::AtomicFile& output,
                 const std::function<std::optional<Frame>(std::uint32_t)>& change);

} // namespace fiona::pixel
