// SPDX-License-Identifier: MIT
#include "libfiona/ingest/send_to_me.h"

#include "libfiona/base/error.h"
#include "libfiona/base/log.h"
#include "libfiona/base/text.h"
#include "libfiona/base/workers.h"
#include "libfiona/dicom/header.h"
#include "libfiona/ingest/announcement.h"
#include "libfiona/ingest/own_receiver.h"
#include "libfiona/pacs/sender.h"
#include "libfiona/store/spool.h"

#include <array>
#include <cerrno>
#include <fstream>
#include <mutex>
#include <string_view>

namespace fiona::ingest {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view directory_class = "1.2.840.10008.1.3.10"; // PS3.4 §I.4, a DICOMDIR

/// PS3.10 §7.1: 128 bytes, then DICM.
bool is_part_10(const fs::path& file)
{
    constexpr std::streamoff preamble = 128;
    std::array<char, 4> mark{};
    std::ifstream in{file, std::ios::binary};
    if (!in) { // not the same as no DICOM: it may be an image
        throw os_error(errno, "open a file");
    }
    in.seekg(preamble);
    in.read(mark.data(), mark.size());
    return in.good() && std::string_view{mark.data(), mark.size()} == "DICM";
}

std::string ae_title(const std::optional<AeTitle>& wanted, const std::string& found,
                     const std::string& otherwise)
{
    if (wanted) {
        return wanted->str();
    }
    try {
        return AeTitle{std::string{trimmed(found)}}.str();
    } catch (const Error&) { // absent, or what no association may carry
        return otherwise;
    }
}

/// Nothing for what is no object.
std::optional<AePair> pair_of(const Config& config, const fs::path& file,
                              const AeOverrides& overrides)
{
    if (!is_part_10(file)) {
        return std::nullopt;
    }
    const auto header = dicom::Header::read(file);
    if (header.meta_text({0x0002, 0x0002}) == directory_class) {
        return std::nullopt;
    }
    return AePair{
        ae_title(overrides.called, header.meta_text({0x0002, 0x0018}), config.receiver.aet),
        ae_title(overrides.calling, header.meta_text({0x0002, 0x0016}), "S2M")};
}

/// The name of a file may be a patient's: it is told by its place in the list.
void log_unreadable(std::size_t index, const Error& error)
{
    log::warn("file_unreadable", {{"number", index + 1}, {"reason", error.what()}});
}

Files in_archive(const Config& config, const Files& files)
{
    Files found;
    found.reserve(files.size());
    for (const auto& file : files) {
        try {
            found.push_back(archived_path(config.paths, file));
        } catch (const Error& e) {
            if (e.fault() != Fault::data) {
                throw;
            }
            throw Error{Fault::usage, "--local is for files of the archive {}; others must be sent",
                        config.paths.archive().native()};
        }
    }
    return found;
}

} // namespace

Shipment sort_by_ae(const Config& config, const Files& files, const AeOverrides& overrides,
                    const OnFile& on_file)
{
    std::vector<std::optional<AePair>> pairs(files.size());
    std::vector<std::optional<Error>> problems(files.size());
    std::mutex mutex;
    for_each_index(files.size(), hands_for(files.size(), reading_hands()),
                   [&](std::size_t i, std::size_t) {
                       try {
                           pairs[i] = pair_of(config, files[i], overrides);
                       } catch (const Error& e) {
                           problems[i] = e;
                       }
                       const std::lock_guard lock{mutex};
                       on_file();
                   });
    Shipment shipment;
    for (std::size_t i = 0; i < files.size(); ++i) {
        if (problems[i]) {
            ++shipment.unreadable;
            log_unreadable(i, *problems[i]);
        } else if (pairs[i]) {
            shipment.files[*pairs[i]].push_back(files[i]);
        } else {
            ++shipment.skipped;
        }
    }
    return shipment;
}

Sent send_to_me(const Config& config, const Shipment& shipment, const OnFile& on_file)
{
    Sent sent;
    const auto receiver = own_receiver(config);
    for (const auto& [pair, files] : shipment.files) {
        auto peer = receiver;
        peer.called_aet = pair.called;
        peer.calling_aet = pair.calling;
        try {
            const auto count = [&](const pacs::SendResult& result) {
                if (result.outcome == pacs::SendOutcome::stored
                    || result.outcome == pacs::SendOutcome::warning) {
                    ++sent.stored;
                } else {
                    ++(pacs::may_succeed_later(result) ? sent.failed : sent.refused);
                    log::warn("object_not_stored", {{"reason", result.reason}});
                }
                on_file();
            };
            static_cast<void>(pacs::send_files(peer, files, count)); // each was counted
        } catch (const Error& e) {
            if (e.fault() != Fault::protocol) {
                throw;
            }
            sent.failed += files.size();
            log::error("association_rejected", {{"files", files.size()}, {"reason", e.what()}});
        }
    }
    return sent;
}

AnnouncedFiles announce_files(const Config& config, const Files& files,
                              const AeOverrides& overrides, Mode mode, const OnFile& on_file)
{
    const auto archived = in_archive(config, files);
    const auto known = announced_files(config.paths.spool() / "new");
    const auto text = [](const std::optional<AeTitle>& title) {
        return title ? title->str() : std::string{};
    };
    const Sender sender{
        .caller = text(overrides.calling), .called = text(overrides.called), .host = ""};
    AnnouncedFiles result;
    std::optional<store::Spool> spool;
    if (mode == Mode::apply) {
        spool.emplace(config.paths.spool());
    }
    for (std::size_t i = 0; i < archived.size(); ++i) {
        try {
            if (known.contains(archived[i])) {
                ++result.waiting;
            } else if (!is_part_10(archived[i])) {
                ++result.skipped;
            } else {
                const auto entry = announce(archived[i], sender);
                if (spool) { // lost in a power failure, it is announced by the next call
                    spool->add(entry, store::Spool::Sync::no);
                }
                ++result.announced;
            }
        } catch (const Error& e) {
            if (e.fault() != Fault::data && e.fault() != Fault::missing) {
                throw;
            }
            ++result.unreadable;
            log_unreadable(i, e);
        }
        on_file();
    }
    return result;
}

} // namespace fiona::ingest
