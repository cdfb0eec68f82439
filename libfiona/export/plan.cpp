// SPDX-License-Identifier: MIT
#include "libfiona/export/plan.h"

#include "libfiona/base/text.h"
#include "libfiona/base/workers.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

namespace fiona::exports {

namespace fs = std::filesystem;

namespace {

bool is_wanted(const fs::path& file, const ExportType& type)
{
    const auto name = file.filename().native();
    return std::ranges::none_of(
        type.exclude_prefix, [&](const std::string& prefix) { return name.starts_with(prefix); });
}

/// Equal for names that are one on the disks of Windows and macOS: the second would be unpacked over the first.
/// ASCII and the letters of Latin-1 (À to Þ, without the sign ×).
std::string without_case(std::string_view name)
{
    auto result = lower_case(name);
    for (std::size_t i = 1; i < result.size(); ++i) {
        const auto byte = static_cast<unsigned char>(result[i]);
        if (result[i - 1] == '\xc3' && byte >= 0x80U && byte <= 0x9eU && byte != 0x97U) {
            result[i] = static_cast<char>(byte + 0x20U);
        }
    }
    return result;
}

/// Folders that belong to one series each.
class SeriesFolders {
public:
    /// The folder for that series: the name it would have, unless another series has it.
    std::string of(const std::string& folder, const std::string& series)
    {
        auto& owners = m_owners[without_case(folder)];
        const auto next = static_cast<unsigned>(owners.size()) + 1;
        const auto number = owners.try_emplace(series, next).first->second;
        return number == 1 ? folder : fmt::format("{}_{}", folder, number);
    }

private:
    std::map<std::string, std::map<std::string, unsigned>> m_owners;
};

bool has_series_folders(const Template& layout)
{
    return layout.uses("SeriesNumber") || layout.uses("SeriesDescription")
           || layout.uses("SeriesDescriptionWithoutBlanks");
}

} // namespace

std::string UniqueNames::take(const std::string& name)
{
    auto& count = m_taken[without_case(name)];
    if (++count == 1) {
        return name;
    }
    const auto slash = name.rfind('/');
    const auto dot = name.rfind('.');
    const bool has_suffix = dot != std::string::npos && (slash == std::string::npos || dot > slash);
    const auto stem = name.substr(0, has_suffix ? dot : name.size());
    return take(fmt::format("{}_{}{}", stem, count, name.substr(stem.size())));
}

std::vector<PlannedImage> plan_images(const std::vector<fs::path>& files, const ExportType& type,
                                      const PackageFacts& facts, unsigned threads)
{
    std::vector<std::optional<PlannedImage>> all(files.size());
    for_each_index(files.size(), threads, [&](std::size_t i, std::size_t /*thread*/) {
        const Image image{files[i], type, facts};
        const bool is_of_class =
            type.include_sop.empty()
            || std::ranges::find(type.include_sop, image.sop_class()) != type.include_sop.end();
        if (is_of_class && is_wanted(files[i], type)) {
            all[i].emplace(PlannedImage{files[i],
                                        image.layout(),
                                        type.layout.path([&](std::string_view name) {
                                            const auto found = image.fields().find(name);
                                            return found == image.fields().end()
                                                       ? std::nullopt
                                                       : std::optional{found->second};
                                        }),
                                        image.series(),
                                        {}});
            if (type.images == ExportType::Images::bids) {
                all[i]->fields = image.fields(); // of every image they would take memory
            }
        }
    });
    SeriesFolders folders;
    UniqueNames names;
    std::vector<PlannedImage> planned;
    for (auto& image : all) {
        if (!image) {
            continue;
        }
        const fs::path path{image->name};
        if (has_series_folders(type.layout) && path.has_parent_path()) {
            image->name = folders.of(path.parent_path().native(), image->series) + "/"
                          + path.filename().native();
        }
        image->name = names.take(image->name);
        planned.push_back(std::move(*image));
    }
    return planned;
}

} // namespace fiona::exports
