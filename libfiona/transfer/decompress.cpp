// SPDX-License-Identifier: MIT
#include "libfiona/transfer/decompress.h"

#include "libfiona/base/error.h"
#include "libfiona/dicom/check.h"
#include "libfiona/dicom/library.h"
#include "libfiona/pixel/header_changes.h"
#include "libfiona/pixel/image_file.h"
#include "libfiona/pixel/limited_child.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>
#include <fmt/format.h>

#include <array>
#include <string_view>

namespace fiona::transfer {

namespace {

using dicom::check;

/// PS3.3 §C.7.6.1.1.5.1; empty for a syntax that loses nothing.
std::string_view lossy_method(std::string_view syntax)
{
    struct Method {
        std::string_view syntax, name;
    };
    constexpr std::array<Method, 6> methods{{{"1.2.840.10008.1.2.4.50", "ISO_10918_1"},
                                             {"1.2.840.10008.1.2.4.51", "ISO_10918_1"},
                                             {"1.2.840.10008.1.2.4.53", "ISO_10918_1"},
                                             {"1.2.840.10008.1.2.4.55", "ISO_10918_1"},
                                             {"1.2.840.10008.1.2.4.81", "ISO_14495_1"},
                                             {"1.2.840.10008.1.2.4.91", "ISO_15444_1"}}};
    for (const auto& method : methods) {
        if (method.syntax == syntax) {
            return method.name;
        }
    }
    return {};
}

/// Where the header says nothing, a syntax that may lose something counts as one that did.
void keep_mark_of_loss(pixel::ImageFile& image, std::uint64_t compressed_bytes)
{
    auto& data = *image.header().getDataset();
    const auto method = lossy_method(image.transfer_syntax());
    if (method.empty() || data.tagExistsWithValue(DCM_LossyImageCompression)) {
        return;
    }
    const auto& description = image.description();
    const auto plain = description.layout.frame_bytes() * description.frames;
    const auto ratio = static_cast<double>(plain)
                       / static_cast<double>(std::max<std::uint64_t>(compressed_bytes, 1));
    check(data.putAndInsertString(DCM_LossyImageCompression, "01"), "mark a loss");
    check(data.putAndInsertString(DCM_LossyImageCompressionRatio,
                                  fmt::format("{:.2f}", ratio).c_str()),
          "mark a loss");
    check(data.putAndInsertString(DCM_LossyImageCompressionMethod, std::string{method}.c_str()),
          "mark a loss");
}

void write_plain(const std::filesystem::path& input, const std::filesystem::path& output)
{
    const dicom::Library library;
    const pixel::Codecs codecs;
    pixel::ImageFile image{input, output};
    keep_mark_of_loss(image, std::filesystem::file_size(input));
    pixel::describe_pixels(*image.header().getDataset(), image.frames().frame(0).layout);
    store::AtomicFile file{output};
    pixel::write_image(image, UID_LittleEndianExplicitTransferSyntax, file,
                       [&](std::uint32_t index) { return image.frames().frame(index); });
    file.commit();
}

} // namespace

void decompress(const std::filesystem::path& input, const std::filesystem::path& output)
{
    static_cast<void>(pixel::run_limited({}, [&] {
        write_plain(input, output);
        return std::string{};
    }));
}

} // namespace fiona::transfer
