// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/log.h"
#include "libfiona/store/atomic_file.h"
#include "libfiona/wsi/slide_names.h"
#include "libfiona/wsi/slide_work.h"
#include "libfiona/wsi/stripped_copy.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>

namespace fiona::wsi {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view copy_name = "clean";
constexpr std::string_view manifest_name = "clean.json";

std::string_view extension_of(const Slide& slide)
{
    switch (slide.format()) {
    case SlideFormat::aperio: return ".svs";
    case SlideFormat::hamamatsu: return ".ndpi";
    case SlideFormat::generic_tiff: return ".tif";
    case SlideFormat::other: break;
    }
    throw Error{Fault::data, "a slide of this format can only be delivered as DICOM"};
}

/// Every part of the way below the allowed root is opened without following a link.
store::Folder import_folder(const PathologySettings& settings, const std::string& wanted)
{
    const fs::path path{wanted};
    bool is_plain = path.is_absolute();
    for (const auto& part : path) {
        is_plain = is_plain && part != "." && part != "..";
    }
    for (const auto& root : settings.import_roots) {
        const auto relative = path.lexically_normal().lexically_relative(root);
        if (!is_plain || relative.empty() || *relative.begin() == "..") {
            continue;
        }
        std::optional<store::Folder> folder{store::Folder{root, "an import root"}};
        for (const auto& part : relative) {
            if (folder && !part.empty() && part != ".") {
                folder = folder->descend(part.native());
            }
        }
        if (!folder) {
            throw Error{Fault::missing, "the import folder is not there"};
        }
        return std::move(*folder);
    }
    throw Error{Fault::data, "project_pat_import_folder is not below an allowed import root "
                             "(pathology.json, import_roots)"};
}

struct CleanCopy {
    fs::path file;
    UniqueFd fd;
    std::string sha256;
};

UniqueFd open_own(const fs::path& file)
{
    return UniqueFd{::open(file.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC)};
}

std::optional<CleanCopy> earlier_copy(const SlideWork& work, const fs::path& folder)
{
    const auto text = read_file_if_any(folder / manifest_name);
    if (!text) {
        return std::nullopt;
    }
    const auto noted = json::parse(*text, "the note of a clean copy");
    CleanCopy copy{folder / copy_name, open_own(folder / copy_name), noted.text("sha256")};
    if (noted.text("input_sha256") != work.state.input_sha256 || !copy.fd
        || digests_of(copy.fd.get()).sha256 != copy.sha256) {
        return std::nullopt;
    }
    return copy;
}

StripOptions strip_options(const SlideWork& work)
{
    const bool may_keep = work.settings.project(work.upload.project.str()).keeps_macro;
    if (work.upload.wants_macro && !may_keep) {
        log::info("macro_image_removed",
                  {{"upload", work.id}, {"reason", "the project may not keep it"}});
    }
    return {
        .macro = work.upload.wants_macro && may_keep ? MacroImage::blank_label : MacroImage::remove,
        .label_fraction = work.settings.label_fraction,
        .original_name = Private<std::string>{fs::path{work.upload.image.back()}.stem().native()}};
}

/// Made once; a later try uses it if every byte is as it was.
CleanCopy clean_copy(const SlideWork& work)
{
    const auto folder = work.claim.folder(work_bytes(work.slide));
    if (auto copy = earlier_copy(work, folder)) {
        return *std::move(copy);
    }
    const auto file = folder / copy_name;
    if (::unlink(file.c_str()) != 0 && errno != ENOENT) {
        throw os_error(errno, "clear a work folder");
    }
    const auto report = write_stripped_copy(work.slide, file, strip_options(work));
    work.state.added["anon_message"] =
        fmt::format("removed {} images, blanked {}, cleaned {} values, verified",
                    report.removed_images, report.blanked_images, report.cleaned_values);
    work.state.result =
        json::Object{{"removed_images", report.removed_images},
                     {"blanked_images", report.blanked_images},
                     {"cleaned_values", report.cleaned_values},
                     {"objects", json::Array{json::Object{{"verdict", "written"},
                                                          {"input_sha256", work.state.input_sha256},
                                                          {"output_sha256", report.sha256},
                                                          {"bytes", report.bytes}}}}};
    work.save();
    store::write_file(folder / manifest_name,
                      json::write(json::Object{{"sha256", report.sha256},
                                               {"input_sha256", work.state.input_sha256}}));
    return {file, open_own(file), report.sha256};
}

/// The hidden part stays until `.import` has its name: a later try sees by it whether the importer may
/// have taken both already.
void place_image(const SlideWork& work, const store::Folder& folder, const std::string& name,
                 const std::string& trigger)
{
    const auto copy = clean_copy(work);
    work.tell("sending", 0);
    put_copy(copy.fd.get(), copy.sha256, folder, name, fmt::format(".{}.part", work.id));
    put_text(folder, trigger, json::write(import_content(work.upload.record)),
             fmt::format(".{}.text.part", work.id));
    work.state.stage = Stage::placed;
    work.save();
}

void place_import(const store::Folder& folder, const std::string& name, const std::string& trigger)
{
    constexpr std::size_t most_bytes = std::size_t{1} << 16U;
    const auto text = read_text(folder, trigger, most_bytes);
    if (!text) {
        return; // it has its name, or had it
    }
    const auto target = name + ".import";
    if (!folder.move(trigger, folder, target)) {
        if (read_text(folder, target, most_bytes) != text) {
            throw Error{Fault::data, "another .import file of that name is there already"};
        }
        folder.unlink(trigger);
    }
    if (::fsync(folder.fd()) != 0) {
        throw os_error(errno, "sync the import folder");
    }
}

/// Of the import, so that another try finds the same.
std::string cache_folder(TimePoint begun)
{
    auto minute = local_minute(begun); // YYYY-MM-DD HH:MM
    for (auto& c : minute) {
        c = c == ' ' || c == ':' ? '-' : c;
    }
    return minute;
}

/// The JSON that lies beside a clean copy: not the upload's file name, and nothing nobody has asked for.
json::Object clean_document(const SlideWork& work, json::Object document)
{
    constexpr std::array<std::string_view, 2> own{"import_date", "md5"};
    const auto& asked = record_keys();
    std::erase_if(document, [&](const auto& item) {
        return std::ranges::find(asked, item.first) == asked.end()
               && std::ranges::find(own, item.first) == own.end()
               && !work.state.added.contains(item.first);
    });
    return document;
}

fs::path cache_of(const Config& config, const Upload& upload)
{
    return config.paths.export_root / "Attach" / "project_cache" / upload.project.str();
}

} // namespace

std::uint64_t work_bytes(const Slide& slide)
{
    constexpr std::uint64_t tenths = 22;
    return slide.file().size() / 10 * tenths;
}

void deliver_as_file(const SlideWork& work)
{
    const auto folder = import_folder(work.settings, work.upload.import_folder);
    const auto name = import_name(work.upload.record) + std::string{extension_of(work.slide)};
    const auto trigger = fmt::format(".{}.import.part", work.id);
    if (work.state.stage == Stage::filed) {
        place_image(work, folder, name, trigger);
    }
    if (work.state.stage == Stage::placed) {
        place_import(folder, name, trigger);
        work.state.stage = Stage::delivered;
        work.save();
    }
}

bool has_project_cache(const Config& config, const Upload& upload)
{
    std::error_code absent;
    return fs::is_directory(cache_of(config, upload), absent);
}

void fill_project_cache(const SlideWork& work, int image, const json::Object& document)
{
    if (!has_project_cache(work.config, work.upload)) {
        return;
    }
    const store::Folder cache{cache_of(work.config, work.upload), "the project's cache"};
    const auto folder = cache.descend_or_make(cache_folder(work.state.begun));
    const auto part = fmt::format(".{}.part", work.id);
    auto name = import_name(work.upload.record) + std::string{extension_of(work.slide)};
    const bool is_original = work.settings.project(work.upload.project.str()).caches_original;
    if (is_original) {
        name = work.upload.image.back();
        put_copy(image, work.state.input_sha256, folder, name, part);
    } else {
        const auto copy = clean_copy(work);
        put_copy(copy.fd.get(), copy.sha256, folder, name, part);
    }
    put_text(
        folder, name + ".json",
        json::write(is_original ? document : clean_document(work, document), json::Style::pretty)
            + "\n",
        part);
}

} // namespace fiona::wsi
