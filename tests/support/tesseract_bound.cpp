// SPDX-License-Identifier: MIT
// tesseract-bound FILE...: seconds that Tesseract needs for each PGM picture, two numbers: to find where text
// is (page segmentation, mode 11, sparse text), and to read it too. What scripts/bench-pixel compares with.
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
        const auto segmented = seconds([&] {
            look_at(api, picture);
            const std::unique_ptr<tesseract::PageIterator> found{api.AnalyseLayout()};
        });
        const auto read = seconds([&] {
            look_at(api, picture);
            api.Recognize(nullptr);
        });
        std::printf("%.4f %.4f\n", segmented, read);
        pixDestroy(&picture);
    }
    return 0;
}
