// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/json.h"
#include "libfiona/pixel/clean.h"
#include "libfiona/transfer/selection.h"

#include <filesystem>
#include <map>
#include <string>
#include <vector>

/// The step before the headers: images that may show text lose it, or stay here.
namespace fiona::transfer {

/// One image after its pixels were searched.
struct Searched {
    Image image;
    std::filesystem::path copy; ///< without text; nothing is there if it is held or refused
    pixel::CleanReport report;
};

/// Searches every image of `images` and writes copies into `directory`, which is empty. The names of
/// the copies say nothing. Where a site knows better what its devices write, it says so in
/// `<config>/pixel-regions.json`. `at_once`: so many images at a time. This process must have one
/// thread. Throws Error for what concerns the whole: disk, regions file, languages of Tesseract.
[[nodiscard]] std::vector<Searched> search_pixels(std::vector<Image> images,
                                                  const std::filesystem::path& directory,
                                                  const Paths& paths, unsigned at_once);

/// Why a person has to look at an image, or why nobody could; for people, the same text for all
/// images of one kind.
[[nodiscard]] std::string reason_of(const pixel::CleanReport& report);

/// What the cleaning did, by series (tags), for the audit.
class PixelTally {
public:
    void add(const Searched& searched);
    [[nodiscard]] json::Value to_json() const;

private:
    struct Work {
        std::size_t images = 0;
        std::map<pixel::Verdict, std::size_t> verdicts;
        std::size_t boxes = 0;
        double masked_share = 0; ///< sum over the images, each 0..1
    };
    std::map<std::string, Work> m_series;
};

} // namespace fiona::transfer
