// SPDX-License-Identifier: MIT
#include "libfiona/pacs/sender.h"

#include "libfiona/base/error.h"
#include "libfiona/base/ids.h"
#include "libfiona/base/log.h"
#include "libfiona/base/workers.h"
#include "libfiona/dicom/prescan.h"
#include "libfiona/pacs/association.h"
#include "libfiona/pacs/store_file.h"
#include "libfiona/pacs/store_status.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcdatset.h>
#include <dcmtk/dcmdata/dcuid.h>
#include <dcmtk/dcmnet/dimse.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <optional>
#include <system_error>
#include <utility>

namespace fiona::pacs {

namespace fs = std::filesystem;

namespace {

// PS3.5 Annex A. Any of them can be written as any other without a decoder.
constexpr std::array<const char*, 3> uncompressed{
    "1.2.840.10008.1.2.1", // explicit VR little endian
    "1.2.840.10008.1.2",   // implicit VR little endian
    "1.2.840.10008.1.2.2", // explicit VR big endian
};
constexpr std::string_view deflated = "1.2.840.10008.1.2.1.99";

constexpr std::uint16_t status_success = 0x0000;
constexpr std::uint16_t status_invalid_instance = 0x0117;
constexpr std::uint16_t status_not_supported = 0x0122;

/// A file that is to be sent, and what its presentation contexts are.
struct Item {
    std::size_t index; ///< of the caller's list
    dicom::Prescan scan;
    Proposal as_it_is;
    std::optional<Proposal> rewritten; ///< in another uncompressed syntax, without a decoder
    std::optional<Proposal> decoded;
};

/// Files that share one association.
struct Group {
    std::vector<Proposal> proposals;
    std::vector<Item> items;
};

std::optional<Proposal> other_uncompressed(const dicom::Prescan& scan)
{
    const bool plain = std::ranges::find(uncompressed, scan.transfer_syntax) != uncompressed.end();
    if (!plain && scan.transfer_syntax != deflated) {
        return std::nullopt;
    }
    Proposal proposal{scan.sop_class, {}};
    for (const std::string syntax : uncompressed) {
        if (syntax != scan.transfer_syntax) {
            proposal.transfer_syntaxes.push_back(syntax);
        }
    }
    return proposal;
}

/// For those that must be decoded before.
Proposal any_uncompressed(const dicom::Prescan& scan)
{
    Proposal proposal{scan.sop_class, {}};
    proposal.transfer_syntaxes.assign(uncompressed.begin(), uncompressed.end());
    return proposal;
}

void propose(std::vector<Proposal>& proposals, const Proposal& proposal)
{
    if (std::ranges::find(proposals, proposal) == proposals.end()) {
        proposals.push_back(proposal);
    }
}

std::vector<Group> grouped(std::vector<Item> items)
{
    std::vector<Group> groups;
    std::map<Proposal, std::size_t> group_of; // by the syntax as it is: both contexts go together
    for (auto& item : items) {
        auto found = group_of.find(item.as_it_is);
        if (found == group_of.end()) {
            if (groups.empty() || groups.back().proposals.size() + 2 > max_proposals) {
                groups.emplace_back();
            }
            found = group_of.emplace(item.as_it_is, groups.size() - 1).first;
        }
        auto& group = groups[found->second];
        propose(group.proposals, item.as_it_is);
        if (item.rewritten) {
            propose(group.proposals, *item.rewritten);
        } else if (item.decoded) {
            propose(group.proposals, *item.decoded);
        }
        group.items.push_back(std::move(item));
    }
    return groups;
}

/// The word of the standard for a class or a syntax, where DCMTK knows it.
std::string name_of_uid(const std::string& uid)
{
    const auto* const name = ::dcmFindNameOfUID(uid.c_str());
    return name == nullptr ? "objects of " + uid : name;
}

struct TemporaryFile {
    explicit TemporaryFile(fs::path path) : m_path{std::move(path)} {}
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;
    ~TemporaryFile()
    {
        std::error_code ignored; // its directory is swept
        fs::remove(m_path, ignored);
    }

private:
    fs::path m_path;
};

class Sender {
public:
    Sender(const Peer& peer, const std::vector<fs::path>& files,
           const std::function<void(const SendResult&)>& on_result, const Decode& decode)
        : m_peer{peer}, m_on_result{on_result}, m_decode{decode}
    {
        m_results.resize(files.size());
        for (std::size_t i = 0; i < files.size(); ++i) {
            m_results[i].file = files[i];
            m_results[i].reason = "not sent";
        }
    }

    std::vector<SendResult> run()
    {
        for (auto& group : grouped(scanned())) {
            send(std::move(group));
        }
        for (const auto& result : m_results) {
            if (result.outcome == SendOutcome::unsent && m_on_result) {
                m_on_result(result);
            }
        }
        return std::move(m_results);
    }

private:
    std::vector<Item> scanned()
    {
        std::vector<std::optional<dicom::Prescan>> scans(m_results.size());
        for_each_index(scans.size(), hands_for(scans.size(), reading_hands()),
                       [&](std::size_t i, std::size_t) {
                           try {
                               scans[i] = dicom::prescan_file(m_results[i].file);
                           } catch (const Error& e) {
                               m_results[i].reason = log::without_uids(e.what());
                           }
                       });
        std::vector<Item> items;
        for (std::size_t i = 0; i < scans.size(); ++i) {
            if (!scans[i]) {
                continue;
            }
            auto& scan = *scans[i];
            if (!is_uid(scan.sop_class) || !is_uid(scan.sop_instance)
                || !is_uid(scan.transfer_syntax)) {
                answer(m_results[i], status_invalid_instance); // it would cost the association
                continue;
            }
            Proposal as_it_is{scan.sop_class, {scan.transfer_syntax}};
            auto rewritten = other_uncompressed(scan);
            auto decoded =
                m_decode && !rewritten ? std::optional{any_uncompressed(scan)} : std::nullopt;
            items.push_back({i, std::move(scan), std::move(as_it_is), std::move(rewritten),
                             std::move(decoded)});
        }
        return items;
    }

    /// A file whose sending costs the association is tried again after the others, so that it keeps
    /// nobody back. Ends when nothing is left, or when several associations in a row bring no answer.
    void send(Group group)
    {
        constexpr int max_fruitless = 3;
        int fruitless = 0;
        while (!group.items.empty() && fruitless < max_fruitless) {
            const auto before = group.items.size();
            try {
                Association association{m_peer, group.proposals};
                m_connected = true;
                group.items = send_over(association, group, std::move(group.items));
                if (!association.is_broken() && group.items.size() == before) {
                    return; // the fault is with the files
                }
            } catch (const Error& e) {
                if (!m_connected) {
                    throw;
                }
                log::warn("association_failed",
                          {{"files", group.items.size()}, {"reason", e.what()}});
            }
            fruitless = group.items.size() < before ? 0 : fruitless + 1;
        }
    }

    /// Returns what was not answered; what was at work when the association broke comes last.
    std::vector<Item> send_over(Association& association, const Group& group,
                                std::vector<Item> items)
    {
        const auto context_of = [&](const Proposal& proposal) {
            const auto found = std::ranges::find(group.proposals, proposal);
            return association.accepted(static_cast<std::size_t>(found - group.proposals.begin()));
        };
        std::vector<Item> left;
        std::vector<Item> last;
        for (auto& item : items) {
            if (association.is_broken()) {
                left.push_back(std::move(item));
                continue;
            }
            auto& result = m_results[item.index];
            try {
                send_one(association, context_of, item);
            } catch (const Error& e) {
                result.reason = log::without_uids(e.what());
                last.push_back(std::move(item));
            }
        }
        std::ranges::move(last, std::back_inserter(left));
        return left;
    }

    void send_one(Association& association, const auto& context_of, const Item& item)
    {
        auto& result = m_results[item.index];
        if (const auto context = context_of(item.as_it_is)) {
            const bool is_mended =
                has_odd_length(item.scan) && item.scan.transfer_syntax != deflated;
            answer(result, is_mended
                               ? store_rewritten(association, *context, result.file, item.scan)
                               : store_as_it_is(association, *context, result.file, item.scan));
            return;
        }
        if (const auto context = item.rewritten ? context_of(*item.rewritten) : std::nullopt) {
            answer(result, store_rewritten(association, *context, result.file, item.scan));
            return;
        }
        if (const auto context = item.decoded ? context_of(*item.decoded) : std::nullopt) {
            send_decoded(association, *context, item);
            return;
        }
        answer(result, status_not_supported,
               fmt::format("does not accept {} ({}); let it accept that, or leave such images out",
                           name_of_uid(item.scan.sop_class),
                           name_of_uid(item.scan.transfer_syntax)));
    }

    void send_decoded(Association& association, const Context& context, const Item& item)
    {
        auto& result = m_results[item.index];
        fs::path copy;
        try {
            copy = m_decode(result.file);
        } catch (const Error& e) {
            if (e.fault() != Fault::data) {
                throw;
            }
            answer(result, status_not_supported,
                   fmt::format("does not accept {}, and the image cannot be decoded for it: {}",
                               name_of_uid(item.scan.transfer_syntax),
                               log::without_uids(e.what())));
            return;
        }
        const TemporaryFile removal{copy};
        const auto scan = dicom::prescan_file(copy);
        const bool fits = scan.transfer_syntax == context.transfer_syntax;
        const auto status = fits ? store_as_it_is(association, context, copy, scan)
                                 : store_rewritten(association, context, copy, scan);
        result.was_decoded = true;
        answer(result, status);
    }

    void answer(SendResult& result, std::uint16_t status)
    {
        answer(result, status, meaning(status));
    }

    void answer(SendResult& result, std::uint16_t status, std::string reason)
    {
        result.status = status;
        result.outcome = outcome_of(status);
        result.reason = std::move(reason);
        if (m_on_result) {
            m_on_result(result);
        }
    }

    const Peer& m_peer;
    const std::function<void(const SendResult&)>& m_on_result;
    const Decode& m_decode;
    std::vector<SendResult> m_results;
    bool m_connected = false;
};

} // namespace

void echo(const Peer& peer)
{
    Association association{peer, {{"1.2.840.10008.1.1", {uncompressed[0], uncompressed[1]}}}};
    const auto context = association.accepted(0);
    if (!context) {
        throw Error{Fault::protocol, "{} does not answer C-ECHO", peer.called_aet};
    }
    DIC_US status = 0;
    DcmDataset* raw_detail = nullptr;
    const auto answered =
        DIMSE_echoUser(association.handle(), association.next_message_id(), DIMSE_NONBLOCKING,
                       association.timeout(), &status, &raw_detail);
    const std::unique_ptr<DcmDataset> detail{raw_detail};
    if (answered.bad()) {
        association.give_up();
        throw Error{Fault::unreachable, "{} does not answer C-ECHO", peer.called_aet};
    }
    if (status != status_success) {
        throw Error{Fault::protocol, "{} answers C-ECHO with status {:04X}", peer.called_aet,
                    status};
    }
}

bool may_succeed_later(const SendResult& result)
{
    if (result.outcome == SendOutcome::unsent) {
        return true;
    }
    return result.outcome == SendOutcome::refused
           && ((result.status & 0xff00U) == 0xa700U || result.status == 0x0110
               || result.status == 0x0213);
}

std::vector<SendResult> send_files(const Peer& peer, const std::vector<fs::path>& files,
                                   const std::function<void(const SendResult&)>& on_result,
                                   const Decode& decode)
{
    return Sender{peer, files, on_result, decode}.run();
}

} // namespace fiona::pacs
