// SPDX-License-Identifier: MIT
#include "libfiona/wsi/attach.h"

#include "libfiona/base/error.h"
#include "libfiona/base/log.h"
#include "libfiona/store/disk_space.h"
#include "libfiona/wsi/file_name_pattern.h"
#include "libfiona/wsi/slide.h"
#include "libfiona/wsi/upload_folder.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace fiona::wsi {

namespace {

std::string_view extension_of(SlideFormat format)
{
    switch (format) {
    case SlideFormat::aperio: return "svs";
    case SlideFormat::hamamatsu: return "ndpi";
    case SlideFormat::generic_tiff: return "tif";
    case SlideFormat::other: break;
    }
    throw Error{Fault::data, "a slide of several files cannot be attached"};
}

json::Object values_of(const Attachment& attachment)
{
    auto values = attachment.values;
    const auto project = json::Value{values}.text("project_name");
    values.merge(keys_of_file_name(attachment.file.filename().native(), project));
    values.emplace("project_pat_import_folder", "");
    values.emplace("do_not_remove_macro_image", "0");
    return values;
}

} // namespace

Attached attach(const Config& config, const Attachment& attachment, Mode mode)
{
    const UniqueFd source{::open(attachment.file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    if (!source) {
        throw os_error(errno, "open the slide");
    }
    const auto format = Slide::open(fmt::format("/proc/self/fd/{}", source.get())).format();
    const auto bytes = identity_of(status_of(source.get())).bytes;
    auto values = values_of(attachment);
    values["file"] = "uploads/slide.svs"; // for the check alone: its name needs what is checked
    const auto checked = parse_upload(json::write(values));

    const auto digests = digests_of(source.get());
    constexpr std::size_t digits = 12;
    const auto stem = fmt::format("{}_{}", checked.participant, digests.sha256.substr(0, digits));
    const auto name = fmt::format("{}.{}", stem, extension_of(format));
    values["file"] = "uploads/" + name;
    values["size"] = std::to_string(bytes);
    values["md5"] = digests.md5;
    const auto text = json::write(values, json::Style::pretty) + "\n";
    Attached attached{.id = {}, .name = name, .bytes = bytes, .is_new = true};

    const UploadFolder folder{config.paths};
    const auto json_file = folder.attach() / "uploads" / (stem + ".json");
    if (mode == Mode::apply) {
        folder.make();
    }
    std::error_code absent;
    const auto present = std::filesystem::exists(json_file.parent_path(), absent)
                             ? folder.find(json_file)
                             : std::nullopt;
    if (present) {
        if (present->text != text) {
            throw Error{Fault::temporary, "this slide waits already, with other values"};
        }
        attached.id = present->id;
        attached.is_new = false;
        return attached;
    }
    if (mode == Mode::dry_run) {
        return attached;
    }
    store::require_space(folder.attach(), bytes);
    const store::Folder uploads{folder.attach() / "uploads", "the folder of uploads"};
    put_copy(source.get(), digests.sha256, uploads, name, "." + name + ".part");
    put_text(uploads, stem + ".json", text, fmt::format(".{}.{}.part", stem, ::getpid()));
    const auto ticket = folder.find(json_file);
    attached.id = ticket ? ticket->id : "";
    log::info("slide_attached",
              {{"upload", attached.id}, {"project", checked.project}, {"bytes", bytes}});
    return attached;
}

} // namespace fiona::wsi
