// SPDX-License-Identifier: MIT
#include "libfiona/wsi/slide_passage.h"

#include "libfiona/anonymize/receipt.h"
#include "libfiona/base/digest.h"
#include "libfiona/base/error.h"
#include "libfiona/base/log.h"
#include "libfiona/base/signing.h"
#include "libfiona/wsi/slide_keys.h"
#include "libfiona/wsi/slide_work.h"

#include <array>
#include <ctime>

namespace fiona::wsi {

namespace {

/// As date(1) says it in the C locale.
std::string date_text(TimePoint when)
{
    const auto seconds = Clock::to_time_t(when);
    std::tm parts{};
    ::localtime_r(&seconds, &parts);
    std::array<char, 64> text{};
    const auto length = std::strftime(text.data(), text.size(), "%a %b %e %H:%M:%S %Z %Y", &parts);
    return {text.data(), length};
}

} // namespace

Arrival look_for_image(const UploadFolder& folder, const Upload& upload,
                       const PathologySettings& settings, TimePoint now)
{
    Arrival arrival{folder.open_image(upload), {}, {}};
    if (!arrival.image) {
        arrival.missing = "the image has not come yet";
        return arrival;
    }
    arrival.identity = identity_of(status_of(arrival.image.get()));
    const auto bytes = arrival.identity->bytes;
    if (upload.size && *upload.size != bytes) {
        arrival.missing = fmt::format("{} of {} bytes have come", bytes, *upload.size);
        return arrival;
    }
    const TimePoint modified{std::chrono::duration_cast<Clock::duration>(
        std::chrono::nanoseconds{arrival.identity->modified_ns})};
    if (!upload.size && is_younger(modified, now, settings.quiet)) {
        arrival.missing = "the image may still grow";
    }
    return arrival;
}

std::string delivery_of(const Upload& upload, DeliveryMode wish)
{
    if (wish == DeliveryMode::path && upload.import_folder.empty()) {
        throw Error{Fault::data, "project_pat_import_folder is missing"};
    }
    const bool is_file = wish == DeliveryMode::path
                         || (wish == DeliveryMode::automatic && !upload.import_folder.empty());
    return is_file ? "path" : "dicom";
}

SlidePassage::SlidePassage(const Passages& means, const Ticket& ticket, const Upload& upload,
                           const SlideClaim& claim, UploadState& state)
    : m_means{means}, m_ticket{ticket}, m_upload{upload}, m_claim{claim}, m_state{state}
{
}

void SlidePassage::save() const
{
    m_means.states.save(m_ticket.id, m_state);
}

void SlidePassage::tell(std::string_view step, unsigned percent) const
{
    m_means.folder.tell(m_ticket, {{"state", step},
                                   {"percent", percent},
                                   {"error", m_state.last_error},
                                   {"updated", iso8601_utc(Clock::now())}});
}

void SlidePassage::go(const Arrival& arrival, UploadItem& item)
{
    if (m_state.stage == Stage::finished) {
        finish();
        return;
    }
    if (m_state.begun == TimePoint{}) {
        m_state.begun = Clock::now();
    }
    know(arrival);
    if (m_state.stage == Stage::filed) {
        m_state.mode = delivery_of(m_upload, m_means.order.delivery);
        m_means.reporter.require_place_for(m_upload);
        m_state.is_accepted = true;
    }
    item.mode = m_state.mode;
    item.project = m_upload.project.str();
    item.participant = m_upload.participant.str();
    item.bytes = arrival.identity->bytes;
    const SlideIdentity identity{m_means.config, m_upload, m_state.input_sha256};
    // By descriptor: whatever is under the name by now, this is what was looked at.
    const auto slide = Slide::open(fmt::format("/proc/self/fd/{}", arrival.image.get()));
    item.levels = slide.levels().size();
    deliver(slide, identity, arrival.image.get(), item);
    finish();
}

/// The digests of the image, once for each image.
void SlidePassage::know(const Arrival& arrival)
{
    if (m_state.image == arrival.identity) {
        return;
    }
    const auto digests = digests_of(arrival.image.get());
    if (m_upload.md5 && *m_upload.md5 != digests.md5) {
        throw Error{Fault::data, "the image is not the one that was uploaded: its md5 differs"};
    }
    if (!m_state.input_sha256.empty() && m_state.input_sha256 != digests.sha256) {
        const auto begun = m_state.begun;
        m_state = UploadState{}; // another image: another beginning
        m_state.begun = begun;
    }
    m_state.image = arrival.identity;
    m_state.input_sha256 = digests.sha256;
    m_state.input_md5 = digests.md5;
    save();
    tell("received", 0);
}

void SlidePassage::deliver(const Slide& slide, const SlideIdentity& identity, int image,
                           UploadItem& item)
{
    const SlideWork work{
        .config = m_means.config,
        .settings = m_means.settings,
        .upload = m_upload,
        .id = m_ticket.id,
        .claim = m_claim,
        .identity = identity,
        .slide = slide,
        .state = m_state,
        .save = [this] { save(); },
        .tell = [this](std::string_view step, unsigned percent) { tell(step, percent); }};
    const auto begun = Clock::now();
    const bool is_file = m_state.mode == "path";
    if (m_state.stage < Stage::delivered) {
        for (auto& [key, value] : scanner_keys(slide, identity)) {
            m_state.added.insert_or_assign(key, std::move(value));
        }
        is_file ? deliver_as_file(work) : deliver_as_dicom(work);
        const std::chrono::duration<double> took = Clock::now() - begun;
        m_state.added["transfer_active_proc_time"] = fmt::format("{:.1f}", took.count());
        save();
    }
    if (m_state.stage == Stage::delivered) {
        record();
    }
    if (m_state.stage == Stage::recorded) {
        report();
    }
    if (is_file) {
        fill_project_cache(work, image, content());
    }
    log::info("slide_delivered", {{"upload", m_ticket.id},
                                  {"project", m_upload.project},
                                  {"mode", m_state.mode},
                                  {"levels", item.levels},
                                  {"frames", m_state.result.text("frames", "0")},
                                  {"passthrough", m_state.result.text("passed_through", "0")},
                                  {"reencoded", m_state.result.text("encoded_anew", "0")},
                                  {"bytes", item.bytes},
                                  {"seconds", m_state.added["transfer_active_proc_time"].text()}});
}

json::Object SlidePassage::receipt_body() const
{
    json::Array studies;
    if (!m_state.study.empty()) {
        studies.emplace_back(m_state.study);
    }
    json::Object stores;
    for (const auto& [sop, status] : m_state.stores) {
        stores.emplace(sop, status);
    }
    auto summary = m_state.result.object();
    auto objects = summary["objects"];
    summary.erase("objects");
    summary["tool"] = "fiona-process-tiff " FIONA_VERSION;
    summary["mode"] = m_state.mode;
    return {{"id", m_state.receipt},
            {"project", m_upload.project.str()},
            {"participant", m_upload.participant.str()},
            {"event", m_upload.event.str()},
            {"studies", std::move(studies)},
            {"summary", std::move(summary)},
            {"objects", std::move(objects)},
            {"stores", std::move(stores)},
            {"verification", "clean"}};
}

/// The receipt's number is in the state before it is in the book: a crash in between makes no second one.
void SlidePassage::record()
{
    const anonymize::ReceiptBook book{m_means.config.paths.receipts(),
                                      SigningKey::load_or_make(m_means.config.paths.signing_key())};
    const bool may_be_there = !m_state.receipt.empty();
    if (!may_be_there) {
        constexpr std::size_t id_bytes = 12;
        m_state.receipt = to_hex(random_bytes(id_bytes));
        save();
    }
    if (!may_be_there || !book.has(m_state.receipt)) {
        book.append(receipt_body(), Clock::now());
    }
    m_state.stage = Stage::recorded;
    save();
}

void SlidePassage::report()
{
    m_means.reporter.tell_project(m_upload, content(), Clock::now());
    if (m_state.mode == "dicom") {
        m_means.reporter.tell_incoming(m_upload, m_state, Clock::now());
    }
    m_state.stage = Stage::reported;
    save();
}

/// What the uploader said, and what the work has found out.
json::Object SlidePassage::content() const
{
    auto all = m_upload.content;
    for (const auto& [key, value] : m_state.added) {
        all.insert_or_assign(key, value);
    }
    all.insert_or_assign("import_date", date_text(m_state.begun));
    if (m_state.mode == "path" && has_project_cache(m_means.config, m_upload)) {
        all.insert_or_assign("md5", m_state.input_md5);
    }
    return all;
}

void SlidePassage::finish()
{
    if (m_state.stage != Stage::finished) {
        if (m_state.done_name.empty()) {
            m_state.done_name = m_means.folder.name_of_done(m_ticket);
            save();
        }
        m_means.folder.write_done(m_ticket, m_state.done_name,
                                  json::write(content(), json::Style::pretty) + "\n");
        m_state.stage = Stage::finished;
        m_state.last_error.clear();
        save();
    }
    tell("done", 100);
    if (m_means.order.keeps_work) {
        m_claim.keep();
    } else {
        m_claim.remove();
    }
    if (m_state.image) {
        m_means.folder.remove_image(m_upload, *m_state.image);
    }
    m_means.folder.remove(m_ticket);
    m_means.states.remove(m_ticket.id);
}

} // namespace fiona::wsi
