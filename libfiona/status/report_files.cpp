// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/ids.h"
#include "libfiona/base/log.h"
#include "libfiona/status/report_pages.h"
#include "libfiona/store/atomic_file.h"
#include "libfiona/store/folder.h"

#include <sys/stat.h>

#include <algorithm>

namespace fiona::status {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t max_sheet_bytes = std::size_t{32} << 20U;
constexpr std::string_view sheet_ending = ".png";

/// `<new series UID>.png`, and nothing else.
bool is_sheet(const std::string& name)
{
    return name.ends_with(sheet_ending)
           && is_uid(std::string_view{name}.substr(0, name.size() - sheet_ending.size()));
}

std::vector<std::string> sheets_in(const store::Folder& folder)
{
    std::vector<std::string> names;
    for (auto& entry : folder.entries()) {
        if (entry.kind == store::Folder::Kind::file && is_sheet(entry.name)) {
            names.push_back(std::move(entry.name));
        }
    }
    std::ranges::sort(names);
    return names;
}

void publish(const fs::path& file, std::string_view bytes)
{
    constexpr mode_t readable_by_a_web_server = 0644;
    store::AtomicFile target{file, readable_by_a_web_server};
    target.set_mode(readable_by_a_web_server);
    target.write(bytes);
    target.publish(); // made anew in five minutes: not worth an fsync(2) each
}

/// Unless it is there as it is.
void copy_sheet(const fs::path& from, const fs::path& to)
{
    struct stat now {};
    struct stat before {};
    if (::stat(from.c_str(), &now) != 0) {
        return; // it went
    }
    if (::stat(to.c_str(), &before) == 0 && before.st_size == now.st_size
        && before.st_mtim.tv_sec >= now.st_mtim.tv_sec) {
        return;
    }
    if (const auto bytes = read_file_if_any(from, max_sheet_bytes)) {
        publish(to, *bytes);
    }
}

} // namespace

void write_report(const Summary& summary, const Paths& paths, const fs::path& directory)
{
    make_directories(directory / "review");
    const auto source = paths.state() / "review";
    std::vector<std::string> sheets;
    if (fs::is_directory(source)) {
        sheets = sheets_in(store::Folder{source, "the contact sheets"});
    }
    const store::Folder target{directory / "review", "the report's contact sheets"};
    for (const auto& old : sheets_in(target)) {
        if (std::ranges::find(sheets, old) == sheets.end()) {
            target.unlink(old);
        }
    }
    for (const auto& sheet : sheets) {
        try {
            copy_sheet(source / sheet, directory / "review" / sheet);
        } catch (const Error& e) { // the others and the pages do without
            log::warn("contact_sheet_left_out", {{"reason", e.what()}});
        }
    }
    for (const auto& [name, text] : report_pages(summary, sheets_in(target))) {
        publish(directory / name, text);
    }
}

} // namespace fiona::status
