// SPDX-License-Identifier: MIT
#include "libfiona/transfer/prepare_key.h"

#include "libfiona/base/digest.h"
#include "libfiona/base/files.h"
#include "libfiona/base/json.h"

#include <sys/stat.h>

namespace fiona::transfer {

namespace fs = std::filesystem;

namespace {

/// Archive files never change in place: another file has another number or time.
json::Value state_of(const fs::path& file)
{
    struct stat status {};
    if (::stat(file.c_str(), &status) != 0) {
        return json::Value{};
    }
    return json::Array{status.st_ino, status.st_size, status.st_mtim.tv_sec,
                       status.st_mtim.tv_nsec};
}

/// Small files of the site: by what is in them. A name that is no file stands for a shipped one,
/// which is as old as the tools are.
json::Value content_of(const fs::path& file)
{
    const auto text = read_file_if_any(file);
    return json::Array{file.native(), text ? sha256_hex(*text) : ""};
}

json::Value described(const anonymize::Settings& settings)
{
    json::Array files;
    for (const auto& profile : settings.profiles) {
        files.push_back(content_of(profile));
    }
    for (const auto& list : settings.private_lists) {
        files.push_back(content_of(list));
    }
    for (const auto& identity : settings.extra_identity) {
        files.push_back(content_of(identity));
    }
    files.push_back(content_of(settings.safe_private));
    files.push_back(content_of(settings.key_file.value_or("")));
    json::Array changes;
    for (const auto& change : settings.tag_changes) {
        changes.push_back(json::Array{change.tag, change.value, change.is_regex});
    }
    return json::Object{{"files", std::move(files)},
                        {"changes", std::move(changes)},
                        {"scheme", static_cast<int>(settings.scheme)},
                        {"shift", json::Array{static_cast<int>(settings.date_shift.kind),
                                              settings.date_shift.days}},
                        {"documents", static_cast<int>(settings.documents)},
                        {"scrub", settings.scrub_leaks}};
}

} // namespace

std::string preparation_key(const Config& config, const store::TransferRequest& request,
                            const std::vector<Image>& images, const anonymize::Settings& settings)
{
    json::Array files;
    for (const auto& image : images) {
        files.push_back(json::Array{image.file.native(), static_cast<int>(image.fate), image.reason,
                                    image.is_no_image, state_of(image.file)});
    }
    return sha256_hex(json::write(
        json::Object{{"request", request.content},
                     {"images", std::move(files)},
                     {"settings", described(settings)},
                     {"regions", content_of(config.paths.config() / "pixel-regions.json")},
                     {"version", FIONA_VERSION},
                     {"program", state_of("/proc/self/exe")}}));
}

} // namespace fiona::transfer
