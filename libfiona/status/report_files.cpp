// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/ids.h"
#include "libfiona/status/report_pages.h"
#include "libfiona/store/atomic_file.h"
#include "libfiona/store/folder.h"

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
        const auto before = target.look(sheet);
        const auto now = store::Folder{source, "the contact sheets"}.look(sheet);
        if (now
            && (!before || before->st_size != now->st_size
                || before->st_mtim.tv_sec < now->st_mtim.tv_sec)) {
            if (const auto bytes = read_file_if_any(source / sheet, max_sheet_bytes)) {
                publish(directory / "review" / sheet, *bytes);
            }
        }
    }
    for (const auto& [name, text] : report_pages(summary, sheets)) {
        publish(directory / name, text);
    }
}

} // namespace fiona::status
