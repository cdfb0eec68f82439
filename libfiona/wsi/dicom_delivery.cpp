// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/inputs.h"
#include "libfiona/base/digest.h"
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/log.h"
#include "libfiona/pacs/research_pacs.h"
#include "libfiona/pacs/sender.h"
#include "libfiona/store/atomic_file.h"
#include "libfiona/wsi/dicom_slide.h"
#include "libfiona/wsi/header_proof.h"
#include "libfiona/wsi/slide_work.h"

#include <algorithm>
#include <map>

namespace fiona::wsi {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view manifest_name = "dicom.json";
constexpr std::string_view folder_name = "dicom";

struct Level {
    fs::path file;
    std::string sop;
};

/// `<state>/slide_register/<SHA-256 of the series UID>`: the digest of the image that was sent under it. One
/// slide id for two images would let the PACS drop one of them, and nobody would know which.
void require_own_series(const SlideWork& work, const std::string& series)
{
    const auto folder = work.config.paths.state() / "slide_register";
    make_directories(folder);
    const auto file = folder / sha256_hex(series);
    const auto known = read_file_if_any(file);
    if (!known) {
        store::AtomicFile entry{file};
        entry.write(work.state.input_sha256);
        entry.commit_new();
        return;
    }
    if (*known != work.state.input_sha256) {
        throw Error{
            Fault::data,
            "another image was sent as this slide before; give this one a patho_slide_id of "
            "its own, or remove {} to replace it",
            file.native()};
    }
}

SlideHeader header_of(const SlideWork& work)
{
    return {.record = work.upload.record,
            .uids = work.identity.uids(),
            .institution = work.upload.project.str(),
            .serial_number = work.identity.device(work.slide.scanner_id()),
            .date_time = work.identity.date_time(work.slide.scan_date(), work.state.begun)};
}

std::optional<std::vector<Level>> earlier_levels(const SlideWork& work, const fs::path& folder)
{
    const auto text = read_file_if_any(folder / manifest_name);
    if (!text) {
        return std::nullopt;
    }
    const auto noted = json::parse(*text, "the note of a converted slide");
    const auto* const objects = noted.find("objects");
    if (noted.text("input_sha256") != work.state.input_sha256 || objects == nullptr) {
        return std::nullopt;
    }
    std::vector<Level> levels;
    for (const auto& object : objects->array()) {
        const auto file = folder / folder_name / object.text("file");
        std::error_code absent;
        if (!fs::exists(file, absent)
            || anonymize::sha256_of_file(file) != object.text("output_sha256")) {
            return std::nullopt;
        }
        levels.push_back({file, object.text("sop_instance")});
    }
    return levels;
}

/// Tells the page of every further percent.
std::function<void(const ConversionProgress&)> progress_of(const SlideWork& work)
{
    return [&work, last = 0U](const ConversionProgress& progress) mutable {
        constexpr std::uint64_t whole = 100;
        const auto total = std::max<std::uint64_t>(progress.frames_total, 1);
        const auto percent = static_cast<unsigned>(progress.frames_done * whole / total);
        if (percent > last) {
            last = percent;
            work.tell("converting", percent);
        }
    };
}

/// Made once; a later try uses it if every byte is as it was.
std::vector<Level> converted(const SlideWork& work)
{
    const auto folder = work.claim.folder(work_bytes(work.slide));
    if (auto levels = earlier_levels(work, folder)) {
        return *std::move(levels);
    }
    work.tell("converting", 0);
    store::remove_tree(folder / folder_name);
    const auto header = header_of(work);
    const store::Folder place{folder, "a work folder"};
    static_cast<void>(place.descend_or_make(std::string{folder_name}));
    const auto made =
        write_dicom_slide(work.slide, header, folder / folder_name, progress_of(work));
    std::vector<Level> levels;
    json::Array objects;
    for (const auto& file : made.files) {
        const auto sop = header.uids.instance(levels.size());
        require_clean_header(file, sop, work.slide, work.upload);
        levels.push_back({file, sop});
        objects.emplace_back(json::Object{{"verdict", "written"},
                                          {"file", file.filename().native()},
                                          {"input_sha256", work.state.input_sha256},
                                          {"output_sha256", anonymize::sha256_of_file(file)},
                                          {"sop_instance", sop},
                                          {"series", header.uids.series},
                                          {"bytes", fs::file_size(file)}});
    }
    json::Object result{{"levels", levels.size()},
                        {"frames", made.frames},
                        {"passed_through", made.passed_through},
                        {"encoded_anew", made.encoded_anew},
                        {"bytes", made.bytes},
                        {"input_sha256", work.state.input_sha256},
                        {"objects", std::move(objects)}};
    work.state.result = result;
    work.state.added["convert_message"] =
        fmt::format("{} levels, {} frames: {} as in the slide, {} encoded anew", levels.size(),
                    made.frames, made.passed_through, made.encoded_anew);
    work.save();
    store::write_file(folder / manifest_name, json::write(result));
    return levels;
}

bool is_stored(const pacs::SendResult& result)
{
    return result.outcome == pacs::SendOutcome::stored
           || result.outcome == pacs::SendOutcome::warning;
}

/// What is taken is noted at once, so that no level is sent twice.
void send(const SlideWork& work, const pacs::Peer& peer, const std::vector<Level>& levels)
{
    std::vector<fs::path> files;
    std::map<fs::path, std::string> sops;
    for (const auto& level : levels) {
        if (!work.state.stores.contains(level.sop)) {
            files.push_back(level.file);
            sops.emplace(level.file, level.sop);
        }
    }
    if (files.empty()) {
        return;
    }
    work.tell("sending", 0);
    const auto results = pacs::send_files(peer, files, [&](const pacs::SendResult& result) {
        if (is_stored(result)) {
            work.state.stores[sops.at(result.file)] = fmt::format("{:04X}", result.status);
            work.save();
        }
    });
    const auto bad = std::ranges::find_if_not(results, is_stored);
    if (bad != results.end()) {
        const auto missing = levels.size() - work.state.stores.size();
        throw Error{pacs::may_succeed_later(*bad) ? Fault::temporary : Fault::protocol,
                    "the research PACS has not taken {} of {} levels: {}", missing, levels.size(),
                    bad->reason};
    }
}

} // namespace

void deliver_as_dicom(const SlideWork& work)
{
    const auto uids = work.identity.uids();
    require_own_series(work, uids.series);
    const auto peer = pacs::research_pacs(work.config);
    pacs::echo(peer); // before an hour of conversion
    const auto levels = converted(work);
    send(work, peer, levels);
    work.state.study = uids.study;
    work.state.series = uids.series;
    work.state.added["patho_study_instance_uid"] = uids.study;
    work.state.added["patho_series_instance_uid"] = uids.series;
    work.state.added["storescu_message"] =
        fmt::format("{} levels accepted by {}", levels.size(), peer.called_aet);
    work.state.stage = Stage::delivered;
    work.save();
}

} // namespace fiona::wsi
