// SPDX-License-Identifier: MIT
#include "libfiona/transfer/review.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/ids.h"
#include "libfiona/base/log.h"
#include "libfiona/pixel/review_sheet.h"
#include "libfiona/store/arrival_marks.h" // modification_time
#include "libfiona/store/atomic_file.h"
#include "libfiona/store/folder.h"

#include <algorithm>
#include <exception>

namespace fiona::transfer {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t most_sheets = 200;
constexpr std::chrono::hours oldest_sheet{30 * 24};
constexpr auto ending = ".png";

void sweep(const fs::path& directory, TimePoint now)
{
    const store::Folder folder{directory, "the contact sheets"};
    std::vector<std::pair<TimePoint, std::string>> sheets;
    for (auto& entry : folder.entries()) {
        const auto status = folder.look(entry.name);
        if (status && entry.kind == store::Folder::Kind::file && entry.name.ends_with(ending)) {
            sheets.emplace_back(store::modification_time(*status), std::move(entry.name));
        }
    }
    std::ranges::sort(sheets, std::greater{});
    for (std::size_t i = 0; i < sheets.size(); ++i) {
        if (i >= most_sheets || sheets[i].first + oldest_sheet < now) {
            folder.unlink(sheets[i].second);
        }
    }
}

} // namespace

void keep_review_sheets(const Paths& paths,
                        const std::map<std::string, std::vector<fs::path>>& series,
                        TimePoint now) noexcept
{
    if (series.empty()) {
        return;
    }
    try {
        const auto directory = paths.state() / "review";
        make_directories(directory);
        for (const auto& [uid, files] : series) {
            if (const auto png = pixel::review_sheet(files); !png.empty()) {
                store::write_file(directory / (SeriesUid{uid}.str() + ending), png);
            }
        }
        sweep(directory, now);
    } catch (const std::exception& e) {
        const auto* const error = dynamic_cast<const Error*>(&e);
        log::warn("no_contact_sheet",
                  {{"reason", error != nullptr ? error->what() : "out of memory or disk"}});
    }
}

} // namespace fiona::transfer
