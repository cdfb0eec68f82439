// SPDX-License-Identifier: MIT
// tesseract-bound FILE...: seconds for each PGM picture, three numbers: for our own search; for Tesseract's
// search for text (page segmentation, mode 11, sparse text); and for Tesseract's reading too. All of a picture
// in memory, one after the other, so that load from elsewhere meets all three. For scripts/bench pixel.
#include "libfiona/pixel/detector.h"

#include <leptonica/allheaders.h>
#include <tesseract/baseapi.h>

#include <chrono>
#include <cstdio>
#include <memory>

namespace {

template <typename Work>
double seconds(const Work& work)
{
    const auto begin = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>{std::chrono::steady_clock::now() - begin}.count();
}

fiona::pixel::GrayPlane plane_of(Pix* picture)
{
    fiona::pixel::GrayPlane plane{static_cast<std::uint32_t>(pixGetWidth(picture)),
                                  static_cast<std::uint32_t>(pixGetHeight(picture)),
                                  {}};
    plane.values.reserve(std::size_t{plane.width} * plane.height);
    for (std::uint32_t y = 0; y < plane.height; ++y) {
        for (std::uint32_t x = 0; x < plane.width; ++x) {
            l_uint32 value = 0;
            pixGetPixel(picture, static_cast<l_int32>(x), static_cast<l_int32>(y), &value);
            plane.values.push_back(static_cast<std::uint8_t>(value));
        }
    }
    return plane;
}

void look_at(tesseract::TessBaseAPI& api, Pix* picture)
{
    constexpr int resolution = 70; // as for our own questions
    api.SetImage(picture);
    api.SetSourceResolution(resolution);
}

} // namespace

int main(int argc, char** argv)
{
    tesseract::TessBaseAPI api;
    if (api.Init(nullptr, "eng") != 0) {
        std::fputs("tesseract-bound: no data for eng\n", stderr);
        return 1;
    }
    api.SetPageSegMode(tesseract::PSM_SPARSE_TEXT);
    for (int i = 1; i < argc; ++i) {
        Pix* picture = pixRead(argv[i]);
        if (picture == nullptr) {
            std::fprintf(stderr, "tesseract-bound: cannot read %s\n", argv[i]);
            return 1;
        }
        const auto plane = plane_of(picture);
        const auto searched = seconds([&] { static_cast<void>(fiona::pixel::find_text(plane)); });
        const auto segmented = seconds([&] {
            look_at(api, picture);
            const std::unique_ptr<tesseract::PageIterator> found{api.AnalyseLayout()};
        });
        const auto read = seconds([&] {
            look_at(api, picture);
            api.Recognize(nullptr);
        });
        std::printf("%.4f %.4f %.4f\n", searched, segmented, read);
        pixDestroy(&picture);
    }
    return 0;
}
