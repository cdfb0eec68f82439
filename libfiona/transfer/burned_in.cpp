// SPDX-License-Identifier: MIT
#include "libfiona/transfer/burned_in.h"

#include "libfiona/base/log.h"

#include <fmt/format.h>

#include <system_error>
#include <utility>

namespace fiona::transfer {

namespace fs = std::filesystem;

namespace {

pixel::CleanOptions options_of(const Paths& paths)
{
    pixel::CleanOptions options;
    const auto regions = paths.config() / "pixel-regions.json";
    std::error_code problem;
    if (fs::exists(regions, problem)) {
        options.regions = pixel::read_regions(regions);
    }
    return options;
}

} // namespace

std::vector<Searched> search_pixels(std::vector<Image> images, const fs::path& directory,
                                    const Paths& paths, unsigned at_once)
{
    std::vector<Searched> result;
    std::vector<pixel::CleanJob> jobs;
    for (auto& image : images) {
        auto copy = directory / fmt::format("{:06}.dcm", result.size() + 1);
        jobs.push_back({image.file, copy});
        result.push_back({std::move(image), std::move(copy), {}});
    }
    pixel::clean_files(
        jobs, options_of(paths), at_once, [&](std::size_t index, const pixel::CleanReport& report) {
            auto& searched = result[index];
            searched.report = report;
            if (report.verdict == pixel::Verdict::held
                || report.verdict == pixel::Verdict::refused) {
                log::warn("pixels_not_cleaned", {{"series", searched.image.series},
                                                 {"verdict", pixel::word_of(report.verdict)},
                                                 {"reason", log::without_uids(report.reason)}});
            }
        });
    return result;
}

std::string reason_of(const pixel::CleanReport& report)
{
    if (report.verdict == pixel::Verdict::held) {
        return "the picture may show text, and the search for it is not sure where; a person has "
               "to look (fiona-rewrite-pixel --preview) and to say in pixel-regions.json what is "
               "true of the device";
    }
    return "its pixels could not be searched for text: " + log::without_uids(report.reason);
}

void PixelTally::add(const Searched& searched)
{
    auto& work = m_series[log::uid_tag(searched.image.series.str())];
    ++work.images;
    ++work.verdicts[searched.report.verdict];
    for (const auto& run : searched.report.masks) {
        work.boxes += run.boxes.size();
    }
    work.masked_share += searched.report.masked_share;
}

json::Value PixelTally::to_json() const
{
    json::Array series;
    for (const auto& [tag, work] : m_series) {
        json::Object entry{{"series", tag},
                           {"images", work.images},
                           {"boxes", work.boxes},
                           {"masked_share", work.masked_share / static_cast<double>(work.images)}};
        for (const auto& [verdict, count] : work.verdicts) {
            entry.emplace(pixel::word_of(verdict), count);
        }
        series.emplace_back(std::move(entry));
    }
    return series;
}

} // namespace fiona::transfer
