// SPDX-License-Identifier: MIT
#include "libfiona/pixel/review_sheet.h"

#include "libfiona/base/error.h"
#include "libfiona/base/log.h"
#include "libfiona/dicom/library.h"
#include "libfiona/pixel/contact_sheet.h"
#include "libfiona/pixel/frame_codec.h"
#include "libfiona/pixel/image_file.h"
#include "libfiona/pixel/limited_child.h"
#include "libfiona/pixel/render.h"

#include <dcmtk/dcmdata/dctk.h>

namespace fiona::pixel {

namespace {

constexpr std::size_t most_pictures = 4;
constexpr std::uint32_t most_columns = 480;

GrayPlane made_small(GrayPlane picture)
{
    while (picture.width > most_columns) {
        picture = halved(picture);
    }
    return picture;
}

/// The frame in the middle: the first ones of a film often show nothing.
GrayPlane picture_of(const std::filesystem::path& file)
{
    ImageFile image{file, file};
    const auto appearance =
        Appearance::read(*image.header().getDataset(), image.description().layout);
    return made_small(
        render(image.frames().frame(image.description().frames / 2), appearance).at(0));
}

} // namespace

std::string review_sheet(const std::vector<std::filesystem::path>& files)
{
    const auto step = files.size() / most_pictures + 1;
    return run_limited({}, [&] {
        const dicom::Library library;
        const Codecs codecs;
        ContactSheet sheet;
        for (std::size_t i = 0; i < files.size(); i += step) {
            try {
                sheet.add(picture_of(files[i]));
            } catch (const Error& e) { // the others may do
                log::debug("no_picture_for_review", {{"reason", e.what()}});
            }
        }
        return sheet.png();
    });
}

} // namespace fiona::pixel
